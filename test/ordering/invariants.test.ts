import { describe, expect, it } from 'vitest';
import { Reader, Writer } from '../../src/kernel/codec/bytes.js';
import type { Digest, ReplicaId, View } from '../../src/kernel/ids.js';
import { nullBatch, nullDigest } from '../../src/ordering/batch-codec.js';
import { Membership } from '../../src/ordering/core/antipaxos/membership.js';
import { orderingDefaults } from '../../src/ordering/core/engine.js';
import { Outbox } from '../../src/ordering/core/outbox.js';
import { SequenceState } from '../../src/ordering/core/sequence/state.js';
import { type SequencePhase, sequenceNumber } from '../../src/ordering/types.js';
import { testCluster } from '../support/keys.js';

const parties = testCluster({ n: 4, f: 1 });
const other = '11'.repeat(32) as Digest;

function open() {
  const outbox = new Outbox(
    {
      ...orderingDefaults,
      cluster: parties.cluster.id,
      resilience: parties.cluster.resilience,
      self: 0 as ReplicaId,
      sign: parties.replicaSign(0),
    },
    'pbft',
  );
  const state = new SequenceState(outbox);
  const entry = state.entry(sequenceNumber(1));
  const phase = (kind: SequencePhase['phase'], view: number, digest: Digest = nullDigest) =>
    outbox.sign<SequencePhase>({
      kind: 'phase',
      scope: 'pbft',
      phase: kind,
      view: view as View,
      sequence: entry.sequence,
      digest,
    });
  const accept = (view: number, digest?: Digest) =>
    state.recordAccepted(entry, {
      prePrepare: phase('pre-prepare', view, digest),
      batch: nullBatch,
    });
  const shared = (kind: SequencePhase['phase'], view: number) => ({
    ...phase(kind, view),
    signatures: [],
  });
  const prepare = (view: number, digest?: Digest) =>
    state.recordPrepared(entry, {
      prePrepare: phase('pre-prepare', view, digest),
      prepares: shared('prepare', view),
    });
  const commit = () => state.recordCommitted(entry, shared('commit', 0));
  return { accept, prepare, commit };
}

describe('a replica that would break what the proofs rest on stops first', () => {
  it('by a second vote in a view, or one in an earlier view', () => {
    const { accept } = open();
    accept(1);
    expect(() => accept(1, other)).toThrow('once in a view');
    expect(() => accept(0)).toThrow('once in a view');
    accept(2);
  });

  it('by a commit for what it did not vote for last, or of an earlier view', () => {
    const { accept, prepare } = open();
    accept(1);
    expect(() => prepare(1, other)).toThrow('voted for last');
    prepare(1);
    expect(() => prepare(1)).toThrow('higher view');
    expect(() => prepare(2)).toThrow('voted for last');
  });

  it('by a second decision', () => {
    const { commit } = open();
    commit();
    expect(() => commit()).toThrow('one decision');
  });

  it('by leaving more than f out', () => {
    const most = new Membership({ n: 7, f: 2 }, 1, 1);
    for (const replica of [4, 5, 6]) {
      const values = Array.from({ length: 7 }, (_, index) =>
        index === replica ? undefined : { batch: [], readmit: [], complaints: [] },
      );
      most.decided(replica, values);
    }
    const writer = new Writer();
    most.write(writer, 6);
    // The same state where only one may lie.
    const fewer = new Membership({ n: 7, f: 1 }, 1, 1);
    fewer.read(new Reader(writer.finish()), 6);
    expect(() => fewer.decided(7, [])).toThrow('at most f');
  });
});
