import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClientAsync } from 'soap';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TransferClient } from '../../src/banking/client/transfer-client.js';
import { accountId, bankActions, currency } from '../../src/banking/soap.js';
import { claimPorts, type PortRange } from '../../src/cli/local/port-range.js';
import { LocalCluster } from '../../src/cli/local-cluster.js';
import { plainEnvelope } from '../../src/cli/sample-transfer.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { participantId, type TransactionId } from '../../src/kernel/ids.js';
import { cli } from '../cli/support/cli.js';
import { standardsPresent, validateAgainstStandards } from '../support/schemas.js';
import { eventually } from './support/eventually.js';

/** One process a node, over real sockets, in the order of a bad day. */

const alice = { bank: participantId('bank-a'), account: accountId('alice') };
const bob = { bank: participantId('bank-b'), account: accountId('bob') };
const eur = currency('EUR');

let directory: string;
let traces: string;
/** Held to the end, so that nobody takes the ports while the cluster is down. */
let ports: PortRange;
let cluster: LocalCluster;
let client: TransferClient;
let total: number;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-system-'));
  traces = join(directory, 'traces');
  ports = await claimPorts();
  const { basePort } = ports;
  cluster = await LocalCluster.start({ directory, basePort, traceDirectory: traces });
  const node = await loadNode(cluster.nodeFile('alice'));
  client = new TransferClient({ cluster: cluster.cluster, node });
  total = await sum();
}, 90_000);

afterAll(async () => {
  await client?.close();
  await cluster?.stop();
  await ports?.release();
  await rm(directory, { recursive: true, force: true });
});

async function balances() {
  const [a, b] = await Promise.all(
    [alice, bob].map(({ bank, account }) => client.getBalance(bank, account)),
  );
  return { alice: a?.amountMinor ?? Number.NaN, bob: b?.amountMinor ?? Number.NaN };
}

async function sum(): Promise<number> {
  const now = await balances();
  return now.alice + now.bob;
}

/**
 * Runs something that moves the amount from alice to bob, and waits until both banks show it: they
 * carry out an outcome shortly after the client hears of it.
 */
async function moves<Value>(amountMinor: number, run: () => Promise<Value>): Promise<Value> {
  const before = await balances();
  const value = await run();
  await eventually(`${amountMinor} moved`, async () => {
    const now = await balances();
    return now.alice === before.alice - amountMinor && now.bob === before.bob + amountMinor;
  });
  expect(await sum()).toBe(total);
  return value;
}

async function transfer(amountMinor: number): Promise<TransactionId> {
  const order = { debtor: alice, creditors: [{ ...bob, amountMinor }], currency: eur };
  const { outcome, transactionId } = await client.transfer(order, { timeoutMs: 30_000 });
  expect(outcome).toBe('committed');
  return transactionId;
}

async function views(): Promise<number[]> {
  const { out } = await cli('status', '--json', '-c', join(directory, 'cluster.json'));
  const { members } = JSON.parse(out) as { members: { figures?: { view: number } }[] };
  return members.flatMap(({ figures }) => figures?.view ?? []);
}

it('makes a transfer for our own client, and a proof of it that verifies offline', async () => {
  const tid = await moves(1250, () => transfer(1250));
  const file = join(directory, 'outcome.proof');
  const clusterFile = join(directory, 'cluster.json');
  const fetched = await cli('proof', tid, '-c', clusterFile, '-o', file);
  expect(fetched).toMatchObject({ exitCode: 0, err: '' });
  const verified = await cli('verify', file, '-c', clusterFile, '--json');
  expect(JSON.parse(verified.out)).toMatchObject({ outcome: 'committed', transactionId: tid });
});

it('makes a transfer for the command, which tells an abort by its status', async () => {
  const args = ['--from', 'bank-a/alice', '--to', 'bank-b/bob', '--json'];
  const named = [...args, '--client', cluster.nodeFile('alice')];
  const committed = await moves(1, () => cli('transfer', ...named, '--amount', '0.01'));
  expect(committed).toMatchObject({ exitCode: 0, err: '' });
  const aborted = await moves(0, () => cli('transfer', ...named, '--amount', '1000000'));
  expect(aborted.exitCode).toBe(1);
  expect(JSON.parse(aborted.out)).toMatchObject({
    outcome: 'aborted',
    reason: 'InsufficientFunds',
  });
});

it('makes a transfer for a foreign SOAP client, from the WSDL alone', async () => {
  const { TransferAsync } = await createClientAsync(`${cluster.transferUrl}?wsdl`);
  const order = { debtor: alice, creditor: [{ ...bob, amountMinor: 100 }], currency: eur };
  const [reply] = await moves(100, async (): Promise<unknown[]> => TransferAsync(order));
  expect(reply).toMatchObject({ outcome: 'committed' });
});

it.each([
  ['1.1', { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: `"${bankActions.transfer}"` }],
  ['1.2', { 'Content-Type': `application/soap+xml; action="${bankActions.transfer}"` }],
] as const)('makes a transfer for a plain POST of SOAP %s', async (version, headers) => {
  const sample = { debtor: alice, creditor: bob, amountMinor: 100, currency: eur };
  const namespace = {
    '1.1': 'http://schemas.xmlsoap.org/soap/envelope/',
    '1.2': 'http://www.w3.org/2003/05/soap-envelope',
  };
  const body = plainEnvelope(sample).replace(namespace['1.1'], namespace[version]);
  const text = await moves(100, async () => {
    const answer = await fetch(cluster.transferUrl, { method: 'POST', headers, body });
    expect(answer.status).toBe(200);
    return answer.text();
  });
  expect(text).toContain(namespace[version]);
  expect(text).toContain('<b:outcome>committed</b:outcome>');
});

it('commits with a backup killed, which catches up when it is back', async () => {
  await cluster.kill('coordinator-2');
  await moves(100, () => transfer(100));
  await cluster.restart('coordinator-2');
  await moves(100, () => transfer(100));
});

it('commits with the primary killed, after a view change', async () => {
  const before = Math.max(...(await views()));
  const primary = `coordinator-${before % 4}`;
  await cluster.kill(primary);
  await moves(100, () => transfer(100));
  expect(Math.max(...(await views()))).toBeGreaterThan(before);
  await cluster.restart(primary);
  await moves(100, () => transfer(100));
});

it('a coordinator whose data is gone comes back, has the proofs, and is needed', async () => {
  const tid = await moves(100, () => transfer(100));
  const node = await loadNode(cluster.nodeFile('coordinator-3'));
  if (node.role !== 'coordinator') throw new Error('not a coordinator');
  await cluster.kill('coordinator-3');
  await rm(node.dataDir, { recursive: true });
  await cluster.restart('coordinator-3');
  const url = cluster.cluster.coordinators[3]?.url;
  await eventually('recovered', async () => {
    const status = (await (await fetch(`${url}/status`)).json()) as { recovering: boolean };
    return !status.recovering;
  });
  await eventually('an old proof', async () => (await fetch(`${url}/proof/${tid}`)).ok);
  await cluster.kill('coordinator-1');
  await moves(100, () => transfer(100));
  await cluster.restart('coordinator-1');
}, 90_000);

it('commits with an initiator killed', async () => {
  await cluster.kill('initiator-1');
  await moves(100, () => transfer(100));
  await cluster.restart('initiator-1');
});

it('a bank that is killed keeps its accounts and ends up with the outcome', async () => {
  const before = await balances();
  const order = { debtor: alice, creditors: [{ ...bob, amountMinor: 100 }], currency: eur };
  const underWay = client.transfer(order, { timeoutMs: 60_000 });
  await cluster.kill('bank-b');
  await cluster.restart('bank-b');
  const { outcome } = await underWay;
  const moved = outcome === 'committed' ? 100 : 0;
  await eventually('both banks show the outcome', async () => {
    const now = await balances();
    return now.alice === before.alice - moved && now.bob === before.bob + moved;
  });
  expect(await sum()).toBe(total);
  await moves(100, () => transfer(100));
}, 90_000);

it('keeps everything when all of it is stopped and started again', async () => {
  const before = await balances();
  expect(await cluster.stop()).toEqual([]);
  cluster = await LocalCluster.start({ directory, traceDirectory: traces });
  expect(await balances()).toEqual(before);
  await moves(100, () => transfer(100));
}, 90_000);

it.runIf(standardsPresent)(
  'sent nothing that the schemas refuse',
  async () => {
    const files = (await readdir(traces)).filter((name) => name.endsWith('.jsonl'));
    expect(files).toHaveLength(10);
    const lines = await Promise.all(files.map((file) => readFile(join(traces, file), 'utf8')));
    // The last line of a killed node may be cut.
    const envelopes = lines.flatMap((text) => text.split('\n').slice(0, -1)).filter(isWhole);
    expect(envelopes.length).toBeGreaterThan(500);
    expect(await validateAgainstStandards(envelopes.map((line) => JSON.parse(line)))).toEqual([]);
  },
  120_000,
);

function isWhole(line: string): boolean {
  return line.startsWith('"') && line.endsWith('"');
}
