import { expect, it } from 'vitest';
import { batchSigner } from '../../src/kernel/batch-signer.js';
import type { ReplicaId, View } from '../../src/kernel/ids.js';
import { Keyring } from '../../src/kernel/keys.js';
import {
  digestOfBatch,
  signOrdering,
  verifyOrderingMessage,
} from '../../src/ordering/check-message.js';
import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import {
  type OrderingEngine,
  type OrderingOutput,
  orderingDefaults,
} from '../../src/ordering/core/engine.js';
import { PbftEngine } from '../../src/ordering/core/pbft/engine.js';
import { encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import {
  type OrderingMessage,
  sequenceNumber,
  type VerifiedOrderingMessage,
} from '../../src/ordering/types.js';
import { testCluster } from '../support/keys.js';
import { HistoryMachine, makeRequest } from '../support/ordering-rig.js';

const { cluster, replicaSign } = testCluster();
const [primary, self] = [0, 1] as ReplicaId[] as [ReplicaId, ReplicaId];

/** A replica that counts what it signs. */
function open(engine: 'antipaxos' | 'pbft') {
  let signatures = 0;
  const sign = batchSigner((bytes) => {
    signatures += 1;
    return replicaSign(self)(bytes);
  });
  const { id, resilience } = cluster;
  const options = { ...orderingDefaults, cluster: id, resilience, self, sign, batchDelayMs: 0 };
  const machine = new HistoryMachine();
  const core: OrderingEngine =
    engine === 'pbft'
      ? new PbftEngine(options, machine)
      : new AntipaxosEngine({ ...options, exclusion: 'S2', timeoutMaxMs: 1000 }, machine);
  core.restore([]);
  return { core, signatures: () => signatures };
}

function proposalOf(place: number): VerifiedOrderingMessage {
  const batch = [makeRequest('a', place, 'x')];
  const prePrepare = signOrdering(replicaSign(primary), cluster.id, {
    kind: 'phase',
    scope: 'pbft',
    phase: 'pre-prepare',
    view: 0 as View,
    sequence: sequenceNumber(place),
    digest: digestOfBatch(batch),
  });
  const message: OrderingMessage = { kind: 'pre-prepare', scope: 'pbft', prePrepare, batch };
  const verified = verifyOrderingMessage(Keyring.of(cluster), () => true, primary, message);
  if (!verified.ok) throw new Error(verified.error.code);
  return verified.value;
}

/** As a driver does at the end of a turn: writes, then sends. Every message must verify at a receiver. */
function end(outputs: readonly OrderingOutput[]): number {
  for (const output of outputs) if (output.kind === 'persist') void output.value;
  const sent = outputs.flatMap((output) => (output.kind === 'broadcast' ? [output.message] : []));
  for (const message of sent) {
    encodeOrderingMessage(message);
    const verified = verifyOrderingMessage(Keyring.of(cluster), () => true, self, message);
    expect(verified.ok).toBe(true);
  }
  return sent.length;
}

it('signs nothing in a step, and what it has to say in a turn with one signature', () => {
  const { core, signatures } = open('pbft');
  const outputs = [1, 2, 3].flatMap((place) =>
    core.handle({ kind: 'peer', message: proposalOf(place), nowMs: place }),
  ) as OrderingOutput[];
  expect(signatures()).toBe(0);
  expect(end(outputs)).toBe(3);
  expect(signatures()).toBe(1);
});

it('proposes in several cycles with one signature', () => {
  const { core, signatures } = open('antipaxos');
  const outputs = [1, 2, 3].flatMap((number) =>
    core.handle({ kind: 'submit', request: makeRequest('a', number, 'x'), nowMs: number }),
  ) as OrderingOutput[];
  expect(signatures()).toBe(0);
  expect(end(outputs)).toBe(3);
  expect(signatures()).toBe(1);
});

it('has turns, in which a lone request waits for nothing', () => {
  for (const engine of ['antipaxos', 'pbft'] as const) expect(open(engine).core.underWay).toBe(1);
});
