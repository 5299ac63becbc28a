import { describe, expect, it } from 'vitest';
import { WireError } from '../../src/kernel/codec/bytes.js';
import { clusterId, type Digest, type ReplicaId, type View } from '../../src/kernel/ids.js';
import { encodeCycleValue, packedBatch, packedValue } from '../../src/ordering/batch-codec.js';
import {
  digestOfBatch,
  digestOfCycleValue,
  signOrdering,
} from '../../src/ordering/check-message.js';
import { orderingLimits } from '../../src/ordering/fields.js';
import { decodeOrderingMessage, encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import { digestOfTable } from '../../src/ordering/two-step-codec.js';
import {
  cycleNumber,
  type OrderingMessage,
  type OrderingStatement,
  sequenceNumber,
} from '../../src/ordering/types.js';
import { testCluster } from '../support/keys.js';
import { makeRequest } from '../support/ordering-rig.js';

const parties = testCluster();
const { id } = parties.cluster;
const replica = (index: number): ReplicaId => index as ReplicaId;
const signed = <S extends OrderingStatement>(by: number, statement: S) =>
  signOrdering(parties.replicaSign(by), id, statement);

const batch = [makeRequest('alice/7', 3, 'pay'), makeRequest('b', 1, '')];
const value = {
  batch,
  readmit: [replica(1), replica(3)],
  complaints: [
    { cycle: cycleNumber(4), replica: replica(2), what: 'absent' },
    { cycle: cycleNumber(5), replica: replica(0), what: 'slow' },
  ],
} as const;
const digest: Digest = digestOfBatch(batch);
const phase = (of: 'pre-prepare' | 'prepare' | 'commit') =>
  ({
    kind: 'phase',
    scope: 'pbft',
    phase: of,
    view: 2 as View,
    sequence: sequenceNumber(7),
    digest,
  }) as const;
const shared = <S extends OrderingStatement>(statement: S) => ({
  statement,
  bytes: signed(0, statement).bytes,
  signatures: [0, 1, 3].map((by) => ({
    replica: replica(by),
    signature: signed(by, statement).signature,
  })),
});
const certificate = shared({ kind: 'checkpoint', scope: 'pbft', position: 64, digest } as const);
const viewChange = signed(1, {
  kind: 'view-change',
  scope: 'pbft',
  view: 3 as View,
  replica: replica(1),
  stable: certificate,
  prepared: [{ prePrepare: signed(2, phase('pre-prepare')), prepares: shared(phase('prepare')) }],
  committed: [shared(phase('commit'))],
} as const);
const newView = signed(3, {
  kind: 'new-view',
  scope: 'pbft',
  view: 3 as View,
  viewChanges: [viewChange],
} as const);
const table = { low: 64, digests: [digest, digest] };
const confirmations = shared({
  kind: 'confirmation',
  scope: 'pbft',
  view: 1 as View,
  digest: digestOfTable(table),
} as const);
const twoStepViewChange = signed(1, {
  ...viewChange.statement,
  kind: 'two-step-view-change',
  acked: [signed(2, phase('pre-prepare'))],
  starts: [{ table, confirmations }],
} as const);
const twoStepNewView = signed(3, {
  kind: 'two-step-new-view',
  scope: 'pbft',
  view: 3 as View,
  viewChanges: [twoStepViewChange],
} as const);
const proposal = signed(1, {
  kind: 'proposal',
  scope: 'antipaxos',
  cycle: cycleNumber(9),
  replica: replica(1),
  digest: digestOfCycleValue(value),
} as const);
const report = signed(2, {
  kind: 'report',
  scope: 'antipaxos',
  cycle: cycleNumber(9),
  replica: replica(2),
  entries: [null, { digest: proposal.statement.digest, signature: proposal.signature }, null, null],
} as const);

const pbft = 'pbft' as const;
const messages: readonly OrderingMessage[] = [
  { kind: 'requests', scope: pbft, batch },
  { kind: 'pre-prepare', scope: pbft, prePrepare: signed(2, phase('pre-prepare')), batch },
  { kind: 'phase', scope: pbft, signed: signed(1, phase('commit')) },
  { kind: 'checkpoint', scope: pbft, signed: signed(0, certificate.statement) },
  { kind: 'view-change', scope: pbft, viewChange },
  { kind: 'new-view', scope: pbft, newView },
  { kind: 'fetch-batch', scope: pbft, digest },
  { kind: 'batch', scope: pbft, batch },
  { kind: 'committed', scope: pbft, commits: shared(phase('commit')), batch },
  { kind: 'two-step-view-change', scope: pbft, viewChange: twoStepViewChange },
  { kind: 'two-step-new-view', scope: pbft, newView: twoStepNewView },
  { kind: 'confirmation', scope: pbft, confirmations },
  {
    kind: 'fast-committed',
    scope: pbft,
    acks: { prePrepare: signed(2, phase('pre-prepare')), prepares: shared(phase('prepare')) },
    batch,
  },
  { kind: 'status', scope: pbft, view: 3 as View, position: 9, stable: 4 },
  { kind: 'stable', scope: pbft, certificate },
  { kind: 'state', scope: pbft, certificate, manifest: { own: 1, chunks: [digest, digest] } },
  { kind: 'fetch-chunk', scope: pbft, digest },
  { kind: 'chunk', scope: pbft, bytes: new Uint8Array([1, 2, 3]) },
  { kind: 'slow', scope: pbft, view: 3 as View },
  { kind: 'proposal', scope: 'antipaxos', proposal, value },
  { kind: 'report', scope: 'antipaxos', report },
  { kind: 'fetch-value', scope: 'antipaxos', cycle: cycleNumber(9), digest },
  { kind: 'fetch-reports', scope: 'antipaxos', cycle: cycleNumber(9) },
  { kind: 'fast-decision', scope: 'antipaxos', reports: [report] },
  { kind: 'rejoin', scope: 'antipaxos', position: 12 },
  { kind: 'lost', scope: pbft, nonce: digest, view: 3 as View, position: 12 },
  { kind: 'reach', scope: pbft, nonce: digest, view: 3 as View, position: 12 },
];

describe.each(messages.map((message) => [message.kind, message] as const))(
  'the ordering message %s',
  (_kind, message) => {
    const bytes = encodeOrderingMessage(message);

    it('comes back as it went, and is refused in another cluster where it names one', () => {
      expect(decodeOrderingMessage(id, bytes)).toEqual(message);
      const holdsStatement = Buffer.from(bytes).includes('concordat-ordering/1');
      if (!holdsStatement) return;
      expect(() => decodeOrderingMessage(clusterId('other'), bytes)).toThrow(/another cluster/);
    });

    it('has one encoding: changed bytes are refused or mean another message', () => {
      for (let at = 0; at < bytes.length; at += 1) {
        for (const flip of [1, 0x80]) {
          const changed = Uint8Array.from(bytes);
          changed[at] = (changed[at] ?? 0) ^ flip;
          const again = reencoded(changed);
          if (again) expect(Buffer.compare(again, changed)).toBe(0);
        }
      }
    });

    it('is refused cut off anywhere, and with more behind it', () => {
      for (let length = 0; length < bytes.length; length += 1) {
        expect(() => decodeOrderingMessage(id, bytes.subarray(0, length))).toThrow(WireError);
      }
      const longer = new Uint8Array([...bytes, 0]);
      expect(() => decodeOrderingMessage(id, longer)).toThrow(WireError);
    });
  },
);

/** What was decoded, encoded anew: from a copy, so that no encoding is remembered. */
function reencoded(bytes: Uint8Array): Uint8Array | undefined {
  try {
    return encodeOrderingMessage(structuredClone(decodeOrderingMessage(id, bytes)));
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

describe('ordering messages', () => {
  it('share no memory with the input', () => {
    const bytes = Buffer.from(encodeOrderingMessage({ kind: 'requests', scope: pbft, batch }));
    const message = decodeOrderingMessage(id, bytes);
    bytes.fill(0);
    expect(message).toEqual({ kind: 'requests', scope: pbft, batch });
  });

  it('are encoded as what they are, whatever they came with', () => {
    const bytes = encodeOrderingMessage({ kind: 'proposal', scope: 'antipaxos', proposal, value });
    const message = decodeOrderingMessage(id, bytes);
    if (message.kind !== 'proposal') throw new TypeError(message.kind);
    expect(encodeOrderingMessage(message)).toEqual(bytes);
    const others = [
      { ...message, value: { ...message.value, batch: [] } },
      { ...message, proposal: signed(2, { ...message.proposal.statement, replica: replica(2) }) },
      { ...message, scope: pbft },
    ];
    for (const other of others) {
      expect(decodeOrderingMessage(id, encodeOrderingMessage(other))).toEqual(other);
    }
  });

  it('keep a value and a batch as their encodings, and give them back', () => {
    expect(structuredClone(packedValue(value))).toEqual(value);
    expect(encodeCycleValue(packedValue(value))).toEqual(encodeCycleValue(value));
    expect(packedBatch(batch).batch).toEqual(batch);
  });

  it('hold no unsorted complaints, and no chunk that is too long', () => {
    const complaints = [...value.complaints].reverse();
    expect(() => encodeCycleValue({ ...value, complaints })).toThrow(WireError);
    const chunk = new Uint8Array(orderingLimits.chunkBytes + 1);
    expect(() => encodeOrderingMessage({ kind: 'chunk', scope: pbft, bytes: chunk })).toThrow(
      WireError,
    );
  });
});
