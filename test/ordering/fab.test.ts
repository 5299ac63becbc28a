import { describe, expect, it } from 'vitest';
import type { ReplicaId, View } from '../../src/kernel/ids.js';
import { nullDigest } from '../../src/ordering/batch-codec.js';
import {
  digestOfBatch,
  signOrdering,
  verifyOrderingMessage,
} from '../../src/ordering/check-message.js';
import type { OrderingOptions } from '../../src/ordering/core/engine.js';
import { FabEngine } from '../../src/ordering/core/fab/engine.js';
import { digestOfTable } from '../../src/ordering/two-step-codec.js';
import {
  type Batch,
  type OrderingMessage,
  type OrderingStatement,
  type SequencePhase,
  sequenceNumber,
  type TwoStepNewView,
  type TwoStepViewChange,
  type ViewConfirmation,
  type ViewTable,
} from '../../src/ordering/types.js';
import { makeRequest, OrderingRig } from '../support/ordering-rig.js';

type Rig = OrderingRig<FabEngine>;

function open(options: Partial<OrderingOptions> = {}, n = 4, f = 1): Rig {
  return new OrderingRig((own, machine) => new FabEngine(own, machine), {
    n,
    f,
    options: { batchDelayMs: 0, ...options },
  });
}

const sign = <S extends OrderingStatement>(rig: Rig, replica: number, statement: S) =>
  signOrdering(rig.parties.replicaSign(replica), rig.parties.cluster.id, statement);

function phase(
  rig: Rig,
  replica: number,
  fields: { phase: SequencePhase['phase']; view: number; sequence: number; batch: Batch },
) {
  return sign<SequencePhase>(rig, replica, {
    kind: 'phase',
    scope: 'fab',
    phase: fields.phase,
    view: fields.view as View,
    sequence: sequenceNumber(fields.sequence),
    digest: digestOfBatch(fields.batch),
  });
}

function proposal(rig: Rig, from: number, view: number, sequence: number, batch: Batch) {
  const prePrepare = phase(rig, from, { phase: 'pre-prepare', view, sequence, batch });
  return { kind: 'pre-prepare', scope: 'fab', prePrepare, batch } as const;
}

const other = [makeRequest('evil', 1, 'other')];

/** The same message with another batch in it, signed by the same primary. */
function withBatch(
  rig: Rig,
  from: number,
  message: OrderingMessage,
  batch: Batch,
): OrderingMessage {
  if (message.kind !== 'pre-prepare') return message;
  const { view, sequence } = message.prePrepare.statement;
  return proposal(rig, from, view, sequence, batch);
}

function isPhase(message: OrderingMessage, of: SequencePhase['phase']): boolean {
  return message.kind === 'phase' && message.signed.statement.phase === of;
}

const isVote = (message: OrderingMessage): boolean =>
  message.kind === 'pre-prepare' || isPhase(message, 'prepare');

describe('the delays until a proposal is decided at all replicas', () => {
  /** A request is submitted to the primary, each message takes 10 ms, and these replicas are silent. */
  function delays(n: number, f: number, silent: readonly number[]): number {
    const rig = open({}, n, f);
    rig.latencyMinMs = 10;
    rig.latencyMaxMs = 10;
    for (const replica of silent) rig.crash(replica);
    rig.runFor(100);
    const startMs = rig.nowMs;
    rig.submit(0, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1));
    expect(rig.engine(0).view).toBe(0);
    return (rig.nowMs - startMs) / 10;
  }

  it.each([
    [4, 1, 0, 2],
    [4, 1, 1, 2],
    [5, 1, 1, 2],
    [7, 2, 1, 2],
    [7, 2, 2, 3],
    [9, 2, 2, 2],
    [10, 3, 3, 3],
  ])('with n = %i, f = %i and %i backups silent are %i', (n, f, count, expected) => {
    const silent = Array.from({ length: count }, (_, index) => n - 1 - index);
    expect(delays(n, f, silent)).toBe(expected);
  });

  it('need no commit of anybody in a cluster of four', () => {
    const rig = open();
    for (let number = 1; number <= 10; number += 1) rig.submit(number % 4, 'a', number);
    rig.runUntil(() => rig.haveApplied(10));
    let commits = 0;
    rig.tamper = (_from, _to, message) => {
      if (isPhase(message, 'commit')) commits += 1;
      return [message];
    };
    rig.submit(0, 'b', 1);
    rig.runUntilIdle();
    expect(commits).toBe(0);
  });
});

describe('a decision that one replica alone has seen', () => {
  /** Replica 1 decides a by the acknowledgements of 0, 1 and 2, and is gone. */
  function decidedAlone(): Rig {
    const rig = open();
    rig.tamper = (from, to, message) => {
      if (!isVote(message)) return to === 1 || from === 1 ? [] : [message];
      if (to === 3) return [];
      return isPhase(message, 'prepare') && to !== 1 ? [] : [message];
    };
    rig.submit(0, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1, [1]));
    rig.crash(1);
    expect(rig.history(0)).toEqual([]);
    return rig;
  }

  it('is kept by the next views, from the acknowledgements alone', () => {
    const rig = decidedAlone();
    rig.tamper = (_from, _to, message) => [message];
    rig.submit(3, 'b', 1);
    rig.runUntil(() => rig.haveApplied(2, [0, 2, 3]));
    expect(rig.history(3)[0]).toBe('1:a:1:a1');
    rig.start(1);
    rig.runUntil(() => rig.haveApplied(2));
    rig.checkOrder();
  });

  it('is kept where replicas start anew from their stores before they vote', () => {
    const rig = decidedAlone();
    for (const replica of [0, 2, 3]) rig.crash(replica);
    rig.tamper = (_from, _to, message) => [message];
    for (const replica of [0, 2, 3]) rig.start(replica);
    rig.submit(3, 'b', 1);
    rig.runUntil(() => rig.haveApplied(2));
    expect(rig.history(3)[0]).toBe('1:a:1:a1');
    rig.start(1);
    rig.runUntil(() => rig.haveApplied(2));
    rig.checkOrder();
  });

  it('is kept where the primary signs another value then, and votes for that', () => {
    const rig = open();
    const evil = proposal(rig, 0, 0, 1, other);
    rig.tamper = (_from, to, message) => {
      if (message.kind === 'pre-prepare') return to === 3 ? [evil] : [message];
      return isPhase(message, 'prepare') && to === 1 ? [message] : [];
    };
    rig.submit(0, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1, [1]));
    rig.tamper = (from, _to, message) => {
      if (from !== 0) return message.kind === 'fast-committed' ? [] : [message];
      if (message.kind !== 'two-step-view-change') return [];
      const { statement } = message.viewChange;
      const lie = { ...statement, acked: [evil.prePrepare], prepared: [], committed: [] };
      return [{ ...message, viewChange: sign(rig, 0, lie) }];
    };
    rig.submit(3, 'b', 1);
    rig.submit(2, 'b', 1);
    rig.runUntil(() => rig.haveApplied(1, [2, 3]));
    expect(rig.history(2)[0]).toBe('1:a:1:a1');
    rig.checkOrder([1, 2, 3]);
  });
});

describe('a primary that lies', () => {
  it('cannot have two batches executed at one place', () => {
    const rig = open();
    rig.tamper = (from, to, message) =>
      from === 0 && to >= 2 ? [withBatch(rig, 0, message, other)] : [message];
    rig.submit(1, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1, [1, 2, 3]));
    rig.runFor(5000);
    rig.checkOrder([1, 2, 3]);
  });

  it('cannot make others wait for a batch that nobody has, which it calls acknowledged', () => {
    const rig = open();
    const nothing = phase(rig, 0, { phase: 'pre-prepare', view: 0, sequence: 1, batch: other });
    rig.tamper = (from, _to, message) => {
      if (from !== 0) return [message];
      if (message.kind !== 'two-step-view-change') return [];
      const lie = { ...message.viewChange.statement, acked: [nothing] };
      return [{ ...message, viewChange: sign(rig, 0, lie) }];
    };
    rig.submit(1, 'a', 1);
    rig.submit(2, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1, [1, 2, 3]));
    expect(rig.engine(1).view).toBe(1);
    rig.checkOrder([1, 2, 3]);
  });

  it('cannot propose another batch than its view requires', () => {
    const rig = open();
    rig.tamper = (_from, to, message) => (isVote(message) && to !== 2 ? [] : [message]);
    rig.submit(0, 'a', 1);
    rig.runFor(100);
    rig.crash(0);
    rig.tamper = (from, _to, message) =>
      from === 1 ? [withBatch(rig, 1, message, other)] : [message];
    rig.submit(3, 'b', 1);
    rig.runUntil(() => rig.haveApplied(2, [2, 3]));
    expect(rig.history(2)[0]).toBe('1:a:1:a1');
    expect(rig.engine(2).view).toBe(2);
  });
});

describe('what a replica believes of a view change', () => {
  const verify = (rig: Rig, message: OrderingMessage): boolean =>
    verifyOrderingMessage(rig.parties.keyring, () => true, 3 as ReplicaId, message).ok;

  function start(rig: Rig, view: number, table: ViewTable, by: readonly number[]) {
    const statement: ViewConfirmation = {
      kind: 'confirmation',
      scope: 'fab',
      view: view as View,
      digest: digestOfTable(table),
    };
    const signed = by.map((replica) => ({ replica, ...sign(rig, replica, statement) }));
    const signatures = signed.map(({ replica, signature }) => ({
      replica: replica as ReplicaId,
      signature,
    }));
    const bytes = signed[0]?.bytes ?? new Uint8Array();
    return { table, confirmations: { statement, bytes, signatures } };
  }

  function viewChange(rig: Rig, shown: Partial<TwoStepViewChange>, view = 9) {
    const statement: TwoStepViewChange = {
      kind: 'two-step-view-change',
      scope: 'fab',
      view: view as View,
      replica: 3 as ReplicaId,
      stable: null,
      acked: [],
      starts: [],
      prepared: [],
      committed: [],
      ...shown,
    };
    return {
      kind: 'two-step-view-change',
      scope: 'fab',
      viewChange: sign(rig, statement.replica, statement),
    } as const;
  }

  const at = (view: number, sequence: number) => {
    return { phase: 'pre-prepare', view, sequence, batch: other } as const;
  };

  it('is an acknowledgement in view 0, of its primary alone', () => {
    const rig = open();
    expect(verify(rig, viewChange(rig, { acked: [phase(rig, 0, at(0, 1))] }))).toBe(true);
    expect(verify(rig, viewChange(rig, { acked: [phase(rig, 1, at(0, 1))] }))).toBe(false);
    const prepare = { ...at(0, 1), phase: 'prepare' } as const;
    expect(verify(rig, viewChange(rig, { acked: [phase(rig, 0, prepare)] }))).toBe(false);
    expect(verify(rig, viewChange(rig, { acked: [phase(rig, 0, at(0, 1))] }, 0))).toBe(false);
  });

  it('is no acknowledgement in a later view whose start no correct replica has recomputed', () => {
    const rig = open();
    const acked = [phase(rig, 1, at(5, 2))];
    const free: ViewTable = { low: 0, digests: [] };
    expect(verify(rig, viewChange(rig, { acked }))).toBe(false);
    expect(verify(rig, viewChange(rig, { acked, starts: [start(rig, 5, free, [2])] }))).toBe(false);
    const proved = start(rig, 5, free, [2, 3]);
    expect(verify(rig, viewChange(rig, { acked, starts: [proved] }))).toBe(true);
    const elsewhere = start(rig, 4, free, [2, 3]);
    expect(verify(rig, viewChange(rig, { acked, starts: [elsewhere] }))).toBe(false);
    const changed = { ...proved, table: { low: 1, digests: [] } };
    expect(verify(rig, viewChange(rig, { acked, starts: [changed] }))).toBe(false);
    // What nothing was acknowledged in would only make a new view long.
    expect(verify(rig, viewChange(rig, { acked, starts: [elsewhere, proved] }))).toBe(false);
  });

  it('is what the start of its view requires, or leaves free, and nothing else', () => {
    const rig = open();
    const shown = (table: ViewTable, sequence: number) =>
      viewChange(rig, {
        acked: [phase(rig, 1, at(5, sequence))],
        starts: [start(rig, 5, table, [0, 1])],
      });
    const table = { low: 4, digests: [nullDigest, digestOfBatch(other)] };
    expect(verify(rig, shown(table, 6))).toBe(true);
    expect(verify(rig, shown(table, 7))).toBe(true);
    expect(verify(rig, shown(table, 5))).toBe(false);
    expect(verify(rig, shown(table, 4))).toBe(false);
  });

  it('is no new view of fewer than n - f votes, nor one that leaves open what to propose', () => {
    const rig = open();
    const vote = (replica: number, acked: TwoStepViewChange['acked']) =>
      viewChange(rig, { replica: replica as ReplicaId, acked }, 1).viewChange;
    const newView = (viewChanges: TwoStepNewView['viewChanges']) => {
      const kind = 'two-step-new-view';
      const statement = { kind, scope: 'fab', view: 1 as View, viewChanges } as const;
      return { kind, scope: 'fab', newView: sign(rig, 1, statement) } as const;
    };
    const a = [phase(rig, 0, at(0, 1))];
    const b = [phase(rig, 0, { ...at(0, 1), batch: [makeRequest('b', 1, 'b')] })];
    expect(verify(rig, newView([vote(1, a), vote(2, a)]))).toBe(false);
    expect(verify(rig, newView([vote(1, []), vote(2, [])]))).toBe(false);
    expect(verify(rig, newView([vote(1, a), vote(2, a), vote(3, [])]))).toBe(true);
    expect(verify(rig, newView([vote(0, b), vote(1, a), vote(2, a)]))).toBe(false);
    expect(verify(rig, newView([vote(1, a), vote(2, b), vote(3, [])]))).toBe(true);
  });

  it('is a decision by n - t acknowledgements, not by a quorum of them', () => {
    const rig = open({}, 7, 2);
    const shown = (backups: readonly number[]) => {
      const acks = backups.map((one) => phase(rig, one, { ...at(0, 1), phase: 'prepare' }));
      const { statement, bytes } = acks[0] ?? phase(rig, 0, at(0, 1));
      const signatures = acks.map(({ signature }, index) => {
        return { replica: (backups[index] ?? 0) as ReplicaId, signature };
      });
      const prePrepare = phase(rig, 0, at(0, 1));
      const prepared = { prePrepare, prepares: { statement, bytes, signatures } };
      return { kind: 'fast-committed', scope: 'fab', acks: prepared, batch: other } as const;
    };
    expect(verify(rig, shown([1, 2, 3, 4, 5]))).toBe(true);
    expect(verify(rig, shown([1, 2, 3, 4]))).toBe(false);
    expect(verify(rig, { ...shown([1, 2, 3, 4, 5]), batch: [] })).toBe(false);
  });
});

describe('the start of a view', () => {
  const none = (): readonly OrderingMessage[] => [];

  it('is proved before anybody votes in it, though confirmations are lost', () => {
    const rig = open({ suspectAfterMs: 5000 });
    rig.crash(0);
    let isCut = true;
    let votes = 0;
    rig.tamper = (_from, _to, message) => {
      if (isVote(message)) votes += 1;
      return message.kind === 'confirmation' && isCut ? none() : [message];
    };
    rig.submit(1, 'a', 1);
    rig.runUntil(() => rig.engine(1).view === 1 && rig.engine(2).view === 1);
    rig.runFor(1000);
    expect(votes).toBe(0);
    isCut = false;
    rig.runUntil(() => rig.haveApplied(1));
    expect(rig.engine(3).view).toBe(1);
  });

  it('is shown to a replica that comes later, and to one that has forgotten others’ confirmations', () => {
    const rig = open();
    rig.tamper = (from, to, message) =>
      to === 3 || (from === 0 && message.kind === 'pre-prepare') ? [] : [message];
    rig.submit(1, 'a', 1);
    rig.submit(2, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1, [0, 1, 2]));
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => rig.haveApplied(1));
    rig.crash(3);
    rig.start(3);
    rig.crash(2);
    rig.submit(1, 'b', 1);
    rig.runUntil(() => rig.haveApplied(2));
    rig.checkOrder();
  });

  it('is on disk before a vote in it leaves, and so is the vote', () => {
    const rig = open();
    rig.crash(0);
    const written = new Set<string>();
    let votes = 0;
    rig.onStep = (replica, outputs) => {
      for (const output of outputs) {
        if (output.kind === 'persist' && output.value) written.add(`${replica} ${output.key}`);
        if (output.kind !== 'broadcast' || !isVote(output.message)) continue;
        votes += 1;
        expect(written.has(`${replica} fab/start/1`)).toBe(true);
        expect(written.has(`${replica} fab/accepted/1`)).toBe(true);
      }
    };
    rig.submit(1, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1));
    expect(votes).toBeGreaterThan(2);
  });

  it('is not shown in view changes by the view changes that it came from: they do not nest', () => {
    const rig = open();
    const sizes: number[] = [];
    let isBlocked = true;
    rig.tamper = (from, _to, message) => {
      if (message.kind === 'two-step-view-change') sizes.push(message.viewChange.bytes.length);
      // All are acknowledged by one more replica alone, in each view.
      return isPhase(message, 'prepare') && isBlocked ? [] : from >= 0 ? [message] : [];
    };
    rig.submit(1, 'a', 1);
    rig.submit(2, 'b', 1);
    rig.runUntil(() => rig.engine(1).view >= 6, 600_000);
    expect(Math.max(...sizes)).toBeLessThan(2000);
    isBlocked = false;
    rig.runUntil(() => rig.haveApplied(2), 600_000);
    rig.checkOrder();
    for (const store of rig.stores) {
      expect([...store.keys()].filter((key) => key.includes('/start/')).length).toBeLessThan(4);
    }
  });
});

describe('a replica that has lost its store', () => {
  it('confirms no view that it may have been in before', () => {
    const rig = open();
    rig.submit(0, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1));
    const confirmed = new Set<number>();
    rig.tamper = (from, _to, message) => {
      if (from !== 3 || message.kind !== 'confirmation') return [message];
      const { statement, signatures } = message.confirmations;
      if (signatures.some(({ replica }) => replica === 3)) confirmed.add(statement.view);
      return [message];
    };
    rig.loseStore(3);
    rig.runUntil(() => !rig.engine(3).isLost);
    rig.submit(1, 'b', 1);
    rig.runUntil(() => rig.haveApplied(2));
    // It may have asked for view 1, and others were told to leave that as well.
    expect([...confirmed]).toEqual([2]);
  });
});

it('a view change shows a quorum of acknowledgements, also of what more have decided', () => {
  const rig = open({}, 7, 2);
  const shown: number[] = [];
  rig.submit(1, 'a', 1);
  rig.runUntil(() => rig.haveApplied(1));
  rig.crash(0);
  rig.tamper = (_from, _to, message) => {
    if (message.kind === 'two-step-view-change') {
      const { prepared } = message.viewChange.statement;
      shown.push(...prepared.map(({ prepares }) => prepares.signatures.length));
    }
    return [message];
  };
  rig.submit(1, 'b', 1);
  rig.runUntil(() => rig.haveApplied(2));
  expect([...new Set(shown)]).toEqual([4]);
});

describe('a vote', () => {
  it('is not cast twice at one place and view, restarts included', () => {
    const rig = open();
    rig.tamper = (_from, _to, message) => (isPhase(message, 'prepare') ? [] : [message]);
    rig.submit(0, 'a', 1);
    rig.runFor(50);
    rig.crash(2);
    rig.start(2);
    const said = new Set<string>();
    rig.tamper = (from, _to, message) => {
      if (from === 2 && message.kind === 'phase') said.add(message.signed.statement.digest);
      return [message];
    };
    rig.transmit(0, 2, proposal(rig, 0, 0, 1, other));
    rig.runUntil(() => rig.haveApplied(1));
    expect(said.has(digestOfBatch(other))).toBe(false);
    rig.checkOrder();
  });

  it('is cast in no view that was left: not by a primary that receives what it required, either', () => {
    const rig = open();
    rig.tamper = (_from, to, message) => (isVote(message) && to !== 2 ? [] : [message]);
    rig.submit(0, 'a', 1);
    rig.runFor(100);
    rig.crash(0);
    // Replica 1 opens view 1, which requires the batch, and is not shown it before it has left.
    let isShown = false;
    let late = 0;
    rig.tamper = (from, to, message) => {
      if (message.kind === 'batch' && to === 1 && !isShown) return [];
      if (from === 1 && message.kind === 'pre-prepare' && rig.engine(3).view > 1) late += 1;
      return [message];
    };
    rig.submit(3, 'b', 1);
    rig.runUntil(() => rig.engine(2).view >= 2 || rig.haveApplied(2, [2, 3]), 600_000);
    isShown = true;
    rig.runUntil(() => rig.haveApplied(2), 600_000);
    expect(late).toBe(0);
    rig.checkOrder();
  });
});
