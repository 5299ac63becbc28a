import { describe, expect, it } from 'vitest';
import type { ReplicaId, View } from '../../src/kernel/ids.js';
import { nullDigest } from '../../src/ordering/batch-codec.js';
import {
  digestOfBatch,
  signOrdering,
  verifyOrderingMessage,
} from '../../src/ordering/check-message.js';
import type { OrderingOptions } from '../../src/ordering/core/engine.js';
import { PbftEngine } from '../../src/ordering/core/pbft/engine.js';
import { recomputeProposals } from '../../src/ordering/core/pbft/new-view.js';
import {
  type Batch,
  type OrderingMessage,
  type OrderingMessageOf,
  type SequencePhase,
  sequenceNumber,
} from '../../src/ordering/types.js';
import { makeRequest, OrderingRig } from '../support/ordering-rig.js';

type Rig = OrderingRig<PbftEngine>;

function open(options: Partial<OrderingOptions> = {}): Rig {
  return new OrderingRig((own, machine) => new PbftEngine(own, machine), {
    options: { batchDelayMs: 0, ...options },
  });
}

function phase(
  rig: Rig,
  replica: number,
  fields: { phase: SequencePhase['phase']; view: number; sequence: number; batch: Batch },
): OrderingMessageOf<'phase'>['signed'] {
  return signOrdering(rig.parties.replicaSign(replica), rig.parties.cluster.id, {
    kind: 'phase',
    scope: 'pbft',
    phase: fields.phase,
    view: fields.view as View,
    sequence: sequenceNumber(fields.sequence),
    digest: digestOfBatch(fields.batch),
  });
}

/** The same message with another batch in it, signed by the same primary. */
function withBatch(
  rig: Rig,
  from: number,
  message: OrderingMessage,
  batch: Batch,
): OrderingMessage {
  if (message.kind !== 'pre-prepare') return message;
  const { view, sequence } = message.prePrepare.statement;
  const prePrepare = phase(rig, from, { phase: 'pre-prepare', view, sequence, batch });
  return { ...message, prePrepare, batch };
}

const isCommit = (message: OrderingMessage): boolean =>
  message.kind === 'phase' && message.signed.statement.phase === 'commit';

const isEarlyCommit = (message: OrderingMessage): boolean =>
  message.kind === 'phase' && isCommit(message) && message.signed.statement.view === 0;

const other = [makeRequest('evil', 1, 'other')];

describe('a primary that lies', () => {
  it('cannot leave out one client: each request has its own time', () => {
    const rig = open();
    rig.tamper = (_from, to, message) =>
      to === 0 && message.kind === 'requests' && message.batch.some(({ client }) => client === 'x')
        ? []
        : [message];
    rig.submit(2, 'x', 1);
    for (let number = 1; number <= 40; number += 1) {
      rig.submit(1, 'a', number);
      rig.runFor(100);
    }
    rig.runUntil(() =>
      [0, 1, 2, 3].every((one) => rig.history(one).some((e) => e.includes(':x:'))),
    );
    expect(rig.engine(2).view).toBe(1);
    rig.checkOrder();
  });

  it('is not suspected for good by one replica that another told alone', () => {
    const rig = open();
    const request = makeRequest('x', 1, '');
    rig.transmit(3, 2, { kind: 'requests', scope: 'pbft', batch: [request] });
    rig.runUntil(() => [0, 1, 2].every((one) => rig.history(one).some((e) => e.includes(':x:'))));
    rig.runUntilIdle();
    expect(rig.engine(0).view).toBe(0);
    rig.checkOrder();
  });

  it('is not suspected for good by one that was told alone and has left its view', () => {
    const rig = open();
    // Replica 0 hears that the others leave the view, and not of the next one: it asks for the one after.
    rig.tamper = (from, to, message) => {
      const isHeard = message.kind === 'view-change' || message.kind === 'requests';
      return from === 0 || (to === 0 && !isHeard) ? [] : [message];
    };
    rig.submit(1, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1, [1, 2, 3]));
    const batch = [makeRequest('x', 1, '')];
    rig.transmit(3, 0, { kind: 'requests', scope: 'pbft', batch });
    rig.runFor(20_000);
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => rig.haveApplied(2));
    rig.runUntilIdle();
    rig.checkOrder();
  });

  it('cannot have two batches executed at one place', () => {
    const rig = open();
    rig.tamper = (from, to, message) =>
      from === 0 && to === 3 ? [withBatch(rig, 0, message, other)] : [message];
    rig.submit(1, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1));
    rig.runFor(5000);
    rig.checkOrder();
    expect(rig.history(3)).toEqual(['1:a:1:a1']);
  });

  it('cannot propose null requests of its own', () => {
    const rig = open();
    rig.tamper = (from, _to, message) =>
      from === 0 ? [withBatch(rig, 0, message, [])] : [message];
    rig.submit(1, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1, [1, 2, 3]));
    expect(rig.engine(1).view).toBeGreaterThan(0);
  });
});

describe('a new view', () => {
  /** A batch of `a` is prepared at place 1 by all, committed by nobody; then replica 0 dies. */
  function preparedAndOrphaned(): Rig {
    const rig = open();
    rig.tamper = (_from, _to, message) => (isCommit(message) ? [] : [message]);
    rig.submit(1, 'a', 1);
    rig.runFor(100);
    rig.crash(0);
    rig.tamper = (_from, _to, message) => (isEarlyCommit(message) ? [] : [message]);
    return rig;
  }

  it('keeps what was prepared, at its place', () => {
    const rig = preparedAndOrphaned();
    rig.submit(2, 'b', 1);
    rig.runUntil(() => rig.haveApplied(2));
    expect(rig.history(3)[0]).toBe('1:a:1:a1');
    rig.checkOrder();
  });

  it('is recomputed by the backups: its primary cannot put another batch there', () => {
    const rig = preparedAndOrphaned();
    rig.tamper = (from, _to, message) => {
      if (isEarlyCommit(message)) return [];
      return from === 1 ? [withBatch(rig, 1, message, other)] : [message];
    };
    rig.runUntil(() => rig.haveApplied(1, [2, 3]));
    expect(rig.history(2)).toEqual(['1:a:1:a1']);
    expect(rig.engine(2).view).toBe(2);
    const refusals = rig.outputs[2]?.filter(
      (output) => output.kind === 'log' && output.event === 'proposal-refused',
    );
    expect(refusals?.length).toBeGreaterThan(0);
  });

  it('leaves nothing to wait for to one that prepared more and may not enter it', () => {
    const rig = open();
    let isCut = false;
    rig.tamper = (from, to, message) => {
      if (from === 2 || isCommit(message)) return [];
      const isPrepare = message.kind === 'phase' && message.signed.statement.phase === 'prepare';
      if (to !== 2) return isPrepare ? [] : [message];
      // It hears that a quorum leaves the view, and not of the next one: it asks for the one after.
      return isCut && message.kind !== 'view-change' ? [] : [message];
    };
    rig.submit(1, 'a', 1);
    rig.runFor(20);
    rig.submit(1, 'b', 1);
    rig.runFor(100);
    isCut = true;
    const { tamper } = rig;
    rig.tamper = (from, to, message) => {
      const isOfNewView = message.kind === 'phase' && message.signed.statement.view > 0;
      return isOfNewView && from !== 2 && to !== 2 ? [message] : tamper(from, to, message);
    };
    rig.runUntil(() => rig.haveApplied(2, [0, 1, 3]));
    rig.runFor(20_000);
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => rig.haveApplied(2));
    rig.runUntilIdle();
    expect(rig.engine(1).view).toBe(1);
    expect(rig.engine(2).view).toBe(0);
    rig.checkOrder();
  });

  it('is not proposed in any more by a primary that has left it, when what it required comes', () => {
    const rig = open();
    let hasLeft = false;
    let isHeld = true;
    const late: number[] = [];
    rig.tamper = (from, to, message) => {
      if (from === 1 && message.kind === 'view-change') {
        hasLeft ||= message.viewChange.statement.view === 2;
      }
      if (hasLeft && from === 1 && message.kind === 'pre-prepare') {
        late.push(message.prePrepare.statement.view);
      }
      if (isEarlyCommit(message)) return [];
      const isKept = ['pre-prepare', 'batch', 'committed'].includes(message.kind);
      const isNext = message.kind === 'new-view' && message.newView.statement.view > 1;
      return to === 1 && isHeld && (isKept || isNext) ? [] : [message];
    };
    rig.submit(0, 'a', 1);
    rig.runFor(100);
    rig.crash(0);
    rig.submit(3, 'b', 1);
    rig.runUntil(() => hasLeft);
    rig.runFor(50);
    rig.transmit(2, 1, { kind: 'batch', scope: 'pbft', batch: [makeRequest('a', 1, 'a1')] });
    rig.runFor(50);
    expect(late).toEqual([]);
    isHeld = false;
    rig.runUntil(() => rig.haveApplied(2));
    rig.checkOrder();
  });

  it('has null requests in the gaps', () => {
    const rig = open();
    rig.tamper = (from, _to, message) =>
      (from === 0 &&
        message.kind === 'pre-prepare' &&
        message.prePrepare.statement.sequence === 1) ||
      isCommit(message)
        ? []
        : [message];
    rig.submit(0, 'lost', 1);
    rig.submit(0, 'a', 1);
    rig.runFor(100);
    rig.crash(0);
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => rig.haveApplied(1));
    expect(rig.history(2)).toEqual(['2:a:1:a1']);
    rig.checkOrder();
  });

  it('computes the same proposals from the same view changes, the highest view first', () => {
    const rig = open();
    const prepared = (view: number, sequence: number, batch: Batch) => {
      const prePrepare = phase(rig, view % 4, { phase: 'pre-prepare', view, sequence, batch });
      const { statement, bytes } = phase(rig, 1, { phase: 'prepare', view, sequence, batch });
      return { prePrepare, prepares: { statement, bytes, signatures: [] } };
    };
    const change = (replica: number, certificates: ReturnType<typeof prepared>[]) =>
      ({
        kind: 'view-change',
        scope: 'pbft',
        view: 9 as View,
        replica: replica as ReplicaId,
        stable: null,
        prepared: certificates,
        committed: [],
      }) as const;
    const newer = [makeRequest('newer', 1, '')];
    const { digests, last } = recomputeProposals([
      change(0, [prepared(3, 2, other)]),
      change(1, [prepared(5, 2, newer), prepared(1, 4, other)]),
      change(2, []),
    ]);
    expect(last).toBe(4);
    expect([...digests.values()]).toEqual([
      nullDigest,
      digestOfBatch(newer),
      nullDigest,
      digestOfBatch(other),
    ]);
  });
});

describe('view changes', () => {
  it('are said again until they arrive', () => {
    const rig = open();
    rig.crash(0);
    let lost = 0;
    rig.tamper = (_from, _to, message) => {
      if (message.kind !== 'view-change' || lost >= 20) return [message];
      lost += 1;
      return [];
    };
    rig.submit(1, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1));
    expect(lost).toBe(20);
  });

  it('of one replica alone move nobody, and it does not run ahead by itself', () => {
    const rig = open();
    const asked = new Set<number>();
    let isDeaf = true;
    rig.tamper = (from, to, message) => {
      if (from === 3 && message.kind === 'view-change')
        asked.add(message.viewChange.statement.view);
      return isDeaf && to === 3 ? [] : [message];
    };
    rig.submit(3, 'a', 1);
    rig.runFor(60_000);
    // The timer for a new primary starts only once a quorum asks for it.
    expect([...asked]).toEqual([1]);
    expect(rig.engine(1).view).toBe(0);
    isDeaf = false;
    rig.submit(1, 'b', 1);
    rig.runUntil(() => rig.haveApplied(2));
    rig.checkOrder();
  });

  it('are remembered: who has asked for a view takes no part in an older one after a restart', () => {
    const rig = open();
    rig.tamper = (_from, to, message) => (to === 3 ? [] : [message]);
    rig.submit(3, 'a', 1);
    rig.runFor(10_000);
    rig.crash(3);
    rig.start(3);
    let votes = 0;
    rig.tamper = (from, _to, message) => {
      if (from === 3 && message.kind === 'phase') votes += 1;
      return [message];
    };
    rig.submit(1, 'b', 1);
    rig.runUntil(() => rig.haveApplied(2));
    expect(votes).toBe(0);
    // But it counts again as soon as it is needed.
    rig.crash(2);
    rig.submit(1, 'c', 1);
    rig.runUntil(() => rig.haveApplied(3));
    expect(votes).toBeGreaterThan(0);
  });

  it('of two replicas that nobody joins come to an end: they do not keep each other awake', () => {
    const rig = new OrderingRig((own, machine) => new PbftEngine(own, machine), { n: 7, f: 2 });
    rig.tamper = (_from, to, message) => (to >= 5 ? [] : [message]);
    rig.submit(5, 'a', 1);
    rig.submit(6, 'b', 1);
    rig.runFor(10_000);
    rig.tamper = (_from, _to, message) => [message];
    rig.submit(0, 'c', 1);
    rig.runUntil(() => rig.haveApplied(3));
    expect(rig.engine(0).view).toBe(0);
    rig.runUntilIdle();
  });

  it('do not come from the word of one replica about places that do not exist', () => {
    const rig = open();
    const signed = phase(rig, 3, { phase: 'commit', view: 0, sequence: 5, batch: other });
    for (const to of [0, 1, 2]) rig.transmit(3, to, { kind: 'phase', scope: 'pbft', signed });
    rig.runFor(30_000);
    expect(rig.count('view-change')).toBe(0);
  });

  it('go on past several dead primaries', () => {
    const rig = new OrderingRig((own, machine) => new PbftEngine(own, machine), { n: 7, f: 2 });
    rig.crash(0);
    rig.crash(1);
    rig.submit(5, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1));
    expect(rig.engine(5).view).toBe(2);
  });
});

describe('what a replica believes', () => {
  it('is no state without a quorum of checkpoints of it', () => {
    const rig = open({ checkpointInterval: 2 });
    const states: OrderingMessageOf<'state'>[] = [];
    rig.tamper = (_from, _to, message) => {
      if (message.kind === 'state') states.push(message);
      return [message];
    };
    rig.crash(3);
    for (let number = 1; number <= 6; number += 1) {
      rig.submit(0, 'a', number);
      rig.runUntil(() => rig.haveApplied(number));
    }
    rig.start(3);
    rig.runUntil(() => rig.haveApplied(6));
    const [state] = states;
    if (!state) throw new Error('no state was transferred');
    const verify = (message: OrderingMessage): boolean =>
      verifyOrderingMessage(rig.parties.keyring, () => true, 1 as ReplicaId, message).ok;
    expect(verify(state)).toBe(true);
    expect(verify({ ...state, manifest: { own: 0, chunks: [] } })).toBe(false);
    const { certificate } = state;
    const two = { ...certificate, signatures: certificate.signatures.slice(0, 2) };
    expect(verify({ ...state, certificate: two })).toBe(false);
  });

  it('is nothing of another protocol instance, and nobody else’s vote', () => {
    const rig = open();
    const signed = phase(rig, 1, { phase: 'commit', view: 0, sequence: 1, batch: other });
    const verify = (from: number, message: OrderingMessage): boolean =>
      verifyOrderingMessage(rig.parties.keyring, () => true, from as ReplicaId, message).ok;
    expect(verify(1, { kind: 'phase', scope: 'pbft', signed })).toBe(true);
    expect(verify(2, { kind: 'phase', scope: 'pbft', signed })).toBe(false);
    expect(verify(1, { kind: 'phase', scope: 'decision-module', signed })).toBe(false);
  });

  it('is no request that its client did not make', () => {
    const rig = open();
    const prePrepare = phase(rig, 0, { phase: 'pre-prepare', view: 0, sequence: 1, batch: other });
    const message = { kind: 'pre-prepare', scope: 'pbft', prePrepare, batch: other } as const;
    const verify = (isGenuine: () => boolean): boolean =>
      verifyOrderingMessage(rig.parties.keyring, isGenuine, 0 as ReplicaId, message).ok;
    expect(verify(() => true)).toBe(true);
    expect(verify(() => false)).toBe(false);
  });
});

describe('a vote', () => {
  it('is on disk before it leaves', () => {
    const rig = open();
    let votes = 0;
    rig.onStep = (_, outputs) => {
      outputs.forEach((output, index) => {
        if (output.kind !== 'broadcast') return;
        const { message } = output;
        const isVote =
          message.kind === 'pre-prepare' ||
          (message.kind === 'phase' && message.signed.statement.phase === 'prepare');
        const accepted = outputs
          .slice(0, index)
          .some((one) => one.kind === 'persist' && one.key.startsWith('pbft/accepted/'));
        if (isVote) expect(accepted).toBe(true);
        if (isVote) votes += 1;
      });
    };
    rig.submit(0, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1));
    expect(votes).toBe(4);
  });

  it('is not cast twice at one place and view, restarts included', () => {
    const rig = open();
    rig.tamper = (_from, _to, message) => (isCommit(message) ? [] : [message]);
    rig.submit(0, 'a', 1);
    rig.runFor(50);
    rig.crash(2);
    rig.start(2);
    const said = new Set<string>();
    rig.tamper = (from, _to, message) => {
      if (from === 2 && message.kind === 'phase' && message.signed.statement.view === 0) {
        said.add(message.signed.statement.digest);
      }
      return [message];
    };
    const evil = phase(rig, 0, { phase: 'pre-prepare', view: 0, sequence: 1, batch: other });
    rig.transmit(0, 2, { kind: 'pre-prepare', scope: 'pbft', prePrepare: evil, batch: other });
    rig.runUntil(() => rig.haveApplied(1));
    expect(said.has(digestOfBatch(other))).toBe(false);
    rig.checkOrder();
  });
});
