import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initCluster } from '../../src/cli/init.js';
import { loadCluster } from '../../src/kernel/config/cluster-file.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { type ClusterId, clientId, type ReplicaId } from '../../src/kernel/ids.js';
import { ed25519Signer, Keyring, type Sign } from '../../src/kernel/keys.js';
import { openStore } from '../../src/kernel/store/store.js';
import {
  digestOfCycleValue,
  signOrdering,
  verifyOrderingMessage,
} from '../../src/ordering/check-message.js';
import { ClientTable } from '../../src/ordering/core/client-table.js';
import { Pending } from '../../src/ordering/core/pending.js';
import { decodeOrderingMessage, encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import {
  type Batch,
  type CycleValue,
  cycleNumber,
  type OrderingMessage,
  type OrderingMessageOf,
  type ProposalStatement,
  type ReportStatement,
  sequenceNumber,
} from '../../src/ordering/types.js';
import type { RunContext } from '../benchmark.js';
import { isSigned, signRequest } from '../ordering/processes/client-link.js';
import type { Costs } from '../simulated/costs.js';
import { ownProcessorMs } from '../support/processor-time.js';
import { median } from '../support/statistics.js';
import { Link } from './link.js';
import { processorUs } from './processor.js';

/** All but what is set and not measured. */
export type MeasuredCosts = Omit<Costs, 'bitsPerSecond'>;

const batchRequests = 1024;
const payloadBytes = 500;

/** Measures the model's costs on this machine. Takes about half a minute. */
export async function measureCosts({ progress, signal }: RunContext): Promise<MeasuredCosts> {
  const now = (what: string) => {
    signal.throwIfAborted();
    progress(`${what} ...`);
  };
  const directory = await mkdtemp(join(tmpdir(), 'concordat-bench-costs-'));
  try {
    const layout = { kind: 'local', host: '127.0.0.1', basePort: 20_000 } as const;
    await initCluster({ directory, clusterId: 'bench', f: 1, layout });
    const keyring = Keyring.of(await loadCluster(join(directory, 'cluster.json')));
    const signers = await Promise.all([0, 1, 2, 3].map((replica) => signerOf(directory, replica)));
    now('signatures');
    const signatures = signatureCosts(keyring, signers);
    now('requests');
    const requests = requestCosts(keyring.cluster.id, signers);
    now('the disk');
    const disk = await diskCosts(directory);
    now('links');
    const links = await linkCosts(keyring.cluster.id, signers);
    const { perByteUs, ...rest } = requests;
    return {
      ...signatures,
      ...rest,
      ...disk,
      ...links,
      receiveNsPerByte: links.receiveNsPerByte + perByteUs * 1000,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function signerOf(directory: string, replica: number): Promise<Sign> {
  const node = await loadNode(join(directory, 'nodes', `coordinator-${replica}.json`));
  if (node.role !== 'coordinator') throw new Error(`${node.name} is no coordinator`);
  return ed25519Signer(node.statementKey);
}

function signatureCosts(keyring: Keyring, signers: readonly Sign[]) {
  const [sign] = signers;
  if (!sign) throw new RangeError('no signers');
  const cluster = keyring.cluster.id;
  let cycle = 0;
  const signUs = processorUs(() => {
    cycle += 1;
    reportOf(cluster, signers, cycle, 1);
  });
  const first = processorUs(() => {
    cycle += 1;
    const report = reportOf(cluster, signers, cycle, 1);
    verifyOrderingMessage(keyring, () => true, 0 as ReplicaId, report);
  });
  const known = reportOf(cluster, signers, 1, signers.length);
  const knownUs = processorUs(() => {
    verifyOrderingMessage(keyring, () => true, 0 as ReplicaId, known);
  });
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const payload = signRequest(privateKey, 'c', 1, new Uint8Array(payloadBytes));
  const client = clientId('c');
  return {
    // A report with one entry has two signatures.
    signUs: signUs / 2,
    verifyUs: (first - signUs) / 2,
    knownSignatureUs: knownUs / (1 + signers.length),
    clientVerifyUs: processorUs(() => {
      isSigned(publicKey, { client, number: 1, payload });
    }),
  };
}

/** What replica 0 reports of a cycle, with so many entries. */
function reportOf(
  cluster: ClusterId,
  signers: readonly Sign[],
  cycle: number,
  count: number,
): OrderingMessageOf<'report'> {
  const [sign] = signers;
  if (!sign) throw new RangeError('no signers');
  const entries = signers.map((signOne, index) => {
    if (index >= count) return null;
    const { statement, signature } = proposalOf(cluster, signOne, cycle, index, emptyValue);
    return { digest: statement.digest, signature };
  });
  const report = signOrdering<ReportStatement>(sign, cluster, {
    kind: 'report',
    scope: 'antipaxos',
    cycle: cycleNumber(cycle),
    replica: 0 as ReplicaId,
    entries,
  });
  return { kind: 'report', scope: 'antipaxos', report };
}

const emptyValue: CycleValue = { batch: [], readmit: [], complaints: [] };
const emptyDigest = digestOfCycleValue(emptyValue);

function proposalOf(
  cluster: ClusterId,
  sign: Sign,
  cycle: number,
  replica: number,
  value: CycleValue,
) {
  return signOrdering<ProposalStatement>(sign, cluster, {
    kind: 'proposal',
    scope: 'antipaxos',
    cycle: cycleNumber(cycle),
    replica: replica as ReplicaId,
    digest: value === emptyValue ? emptyDigest : digestOfCycleValue(value),
  });
}

/** Each cost is of one request; `perByteUs` of one byte of payload at its receiver. */
function requestCosts(cluster: ClusterId, [sign]: readonly Sign[]) {
  if (!sign) throw new RangeError('no signers');
  let number = 0;
  const next = (bytes: number): Batch => {
    number += 1;
    return Array.from({ length: batchRequests }, (_, index) => ({
      client: clientId(`u${index}`),
      number,
      payload: new Uint8Array(bytes),
    }));
  };
  const making = processorUs(() => {
    next(0);
  });
  const taking = processorUs(() => {
    const pending = new Pending();
    for (const request of next(0)) pending.add(request, 0 as ReplicaId, 0);
    const limits = { batchRequestsMax: batchRequests, batchBytesMax: 1 << 30 };
    digestOfCycleValue({ batch: pending.take(limits), readmit: [], complaints: [] });
  });
  const table = new ClientTable();
  const applying = processorUs(() => {
    table.execute(next(0));
  });
  const empty = receiving(cluster, sign, next(0));
  const full = receiving(cluster, sign, next(payloadBytes));
  return {
    takeRequestUs: (taking - making) / batchRequests,
    receiveRequestUs: empty / batchRequests,
    applyRequestUs: (applying - making) / batchRequests,
    perByteUs: (full - empty) / (batchRequests * payloadBytes),
  };
}

/** A proposal that comes in: decoded, its digest checked, encoded for the store. */
function receiving(cluster: ClusterId, sign: Sign, batch: Batch): number {
  const value: CycleValue = { batch, readmit: [], complaints: [] };
  const proposal = proposalOf(cluster, sign, 1, 0, value);
  const bytes = encodeOrderingMessage({ kind: 'proposal', scope: 'antipaxos', proposal, value });
  return processorUs(() => {
    const message: OrderingMessage = decodeOrderingMessage(cluster, bytes);
    if (message.kind !== 'proposal') throw new TypeError(message.kind);
    digestOfCycleValue(message.value);
    encodeOrderingMessage(message);
  });
}

const writes = 200;
const recordsOfWrite = 16;

/** Batches of records of 300 bytes, one after the other. */
async function diskCosts(directory: string) {
  const store = await openStore(join(directory, 'store'));
  try {
    const timesMs: number[] = [];
    let usedMs = 0;
    for (let count = 0; count < writes; count += 1) {
      const records = Array.from({ length: recordsOfWrite }, (_, index) => ({
        key: `record/${count % 8}/${index}`,
        value: new Uint8Array(300),
      }));
      const before = ownProcessorMs();
      const startMs = performance.now();
      await store.write(records);
      timesMs.push(performance.now() - startMs);
      usedMs += ownProcessorMs() - before;
    }
    return {
      syncUs: median(timesMs) * 1000,
      persistUs: (usedMs * 1000) / (writes * recordsOfWrite),
    };
  } finally {
    await store.close();
  }
}

const smallFrames = 40_000;
const largeFrames = 400;
const largeBytes = 512 * 1024;

async function linkCosts(cluster: ClusterId, [sign]: readonly Sign[]) {
  if (!sign) throw new RangeError('no signers');
  const prepare = encodeOrderingMessage({
    kind: 'phase',
    scope: 'pbft',
    signed: signOrdering(sign, cluster, {
      kind: 'phase',
      scope: 'pbft',
      phase: 'prepare',
      view: 0 as never,
      sequence: sequenceNumber(1),
      digest: emptyDigest,
    }),
  });
  const decodeUs = processorUs(() => {
    decodeOrderingMessage(cluster, prepare);
  });
  const link = await Link.open();
  try {
    await link.measure(smallFrames, prepare.length);
    const small = await link.measure(smallFrames, prepare.length);
    await link.measure(largeFrames, largeBytes);
    const large = await link.measure(largeFrames, largeBytes);
    return {
      sendUs: small.sendUs,
      receiveUs: small.receiveUs + decodeUs,
      sendNsPerByte: (large.sendUs * 1000) / largeBytes,
      receiveNsPerByte: (large.receiveUs * 1000) / largeBytes,
    };
  } finally {
    await link.close();
  }
}
