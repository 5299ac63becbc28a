import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../src/kernel/ids.js';
import { digestOfCycleValue, signOrdering } from '../../src/ordering/check-message.js';
import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import { PbftEngine } from '../../src/ordering/core/pbft/engine.js';
import type { OrderingMessage, ReportStatement } from '../../src/ordering/types.js';
import { makeRequest, OrderingRig, type OrderingTamper } from '../support/ordering-rig.js';

type Rig = OrderingRig<AntipaxosEngine>;

/** As sessions run it. */
function open(checkpointInterval = 64): Rig {
  return new OrderingRig(
    (own, machine) => new AntipaxosEngine({ ...own, exclusion: 'S1', timeoutMaxMs: 1000 }, machine),
    { options: { checkpointInterval } },
  );
}

const liar = 3;
const victim = 0;
/** Of load: a victim of 363340c was left out within 650 ms. */
const DURATION_MS = 800;

const isOwn = (kind: 'proposal' | 'report', message: OrderingMessage, self = liar): boolean =>
  (kind === 'proposal' &&
    message.kind === 'proposal' &&
    message.proposal.statement.replica === self) ||
  (kind === 'report' && message.kind === 'report' && message.report.statement.replica === self);

/** What the liar reports, changed by it. */
function reporting(
  rig: Rig,
  message: OrderingMessage,
  change: (entries: ReportStatement['entries']) => ReportStatement['entries'],
  self = liar,
): OrderingMessage {
  if (message.kind !== 'report' || !isOwn('report', message, self)) return message;
  const { statement } = message.report;
  const lie = { ...statement, entries: change(statement.entries) };
  const sign = rig.parties.replicaSign(self);
  return { ...message, report: signOrdering(sign, rig.parties.cluster.id, lie) };
}

/** A proposal of the liar with a request of its own, so that it is another value. */
function proposing(
  rig: Rig,
  message: Extract<OrderingMessage, { kind: 'proposal' }>,
  client: string,
): OrderingMessage {
  if (!isOwn('proposal', message)) return message;
  const batch = [
    ...message.value.batch,
    makeRequest(client, message.proposal.statement.cycle, 'x'),
  ];
  const value = { ...message.value, batch };
  const digest = digestOfCycleValue(value);
  const sign = rig.parties.replicaSign(liar);
  const statement = { ...message.proposal.statement, digest };
  return { ...message, value, proposal: signOrdering(sign, rig.parties.cluster.id, statement) };
}

const without = (missing: number) => (entries: ReportStatement['entries']) =>
  entries.map((entry, replica) => (replica === missing ? null : entry));

const nothingOf =
  (isHidden: (message: OrderingMessage) => boolean) => (): OrderingTamper => (from, to, message) =>
    from === liar && to === victim && isHidden(message) ? [] : [message];

const reports = (message: OrderingMessage): boolean =>
  isOwn('report', message) || message.kind === 'fast-decision';

const framings: Record<string, (rig: Rig) => OrderingTamper> = {
  'its reports': nothingOf(reports),
  'its values': nothingOf((message) => isOwn('proposal', message)),
  'all that it says': nothingOf(() => true),
  'what it says to the Decision Module, and reports what it likes':
    (rig) => (from, to, message) => {
      if (from !== liar) return [message];
      if (to === victim && message.scope === 'decision-module') return [];
      return [reporting(rig, message, without(1))];
    },
  'all but a report that differs': (rig) => (from, to, message) =>
    from === liar && to === victim ? [reporting(rig, message, without(1))] : [message],
};

describe('one liar keeps from one correct replica', () => {
  it.each(
    Object.entries(framings).flatMap(([what, lie]) =>
      [3, 12].map((everyMs) => [what, everyMs, lie] as const),
    ),
  )('%s: nobody correct is left out (a request every %i ms)', (_what, everyMs, lie) => {
    const rig = open();
    rig.tamper = lie(rig);
    const endMs = rig.nowMs + DURATION_MS;
    for (let atMs = 0; atMs < DURATION_MS; atMs += everyMs) {
      for (const replica of [0, 1, 2]) {
        rig.after(atMs, () => rig.submit(replica, `c${replica}.${atMs}`, 1));
      }
    }
    while (rig.nowMs < endMs) {
      rig.runFor(20);
      for (const replica of [0, 1, 2]) {
        const excluded = rig.engine(replica).metrics.excluded.filter((one) => one !== liar);
        expect(excluded).toEqual([]);
      }
    }
    rig.runUntil(() => rig.haveApplied(3 * Math.ceil(DURATION_MS / everyMs), [0, 1, 2]));
    rig.checkOrder([0, 1, 2]);
  });

  it('a report, and the cycle is forgotten at the others soon: it still gets the decision', () => {
    const rig = open(1);
    rig.tamper = nothingOf(reports)();
    let states = 0;
    const hide = rig.tamper;
    rig.tamper = (from, to, message) => {
      if (message.kind === 'state') states += 1;
      return hide(from, to, message);
    };
    for (let number = 1; number <= 20; number += 1) {
      for (const replica of [0, 1, 2]) rig.submit(replica, `c${replica}`, number);
      rig.runUntil(() => rig.haveApplied(3 * number, [0, 1, 2]));
    }
    expect(states).toBe(0);
    expect(rig.engine(0).metrics.excluded).toEqual([]);
  });
});

describe('a cycle that is decided without the report of one correct replica', () => {
  /** Lone requests at replica 0; nobody correct may be left out meanwhile. */
  function expectNobodyLeftOut(rig: Rig, liars: readonly number[]): void {
    const leftOut = new Set<number>();
    rig.onStep = () => {
      for (const replica of rig.engine(0).metrics.excluded) leftOut.add(replica);
    };
    for (let number = 1; number <= 30; number += 1) {
      rig.submit(0, 'lone', number);
      rig.runUntil(() => rig.haveApplied(number, [0, 1, 2]));
      rig.runFor(150);
    }
    expect([...leftOut].filter((replica) => !liars.includes(replica))).toEqual([]);
  }

  it('leaves nobody out who lacks a value that another one proposed, too', () => {
    const rig = open();
    rig.tamper = (from, to, message) => {
      if (from !== liar) return [message];
      // Its value is empty, as that of its victim is.
      if (to === 1 && isOwn('proposal', message)) return [];
      return [reporting(rig, message, without(2))];
    };
    expectNobodyLeftOut(rig, [liar]);
  });

  it('leaves nobody out who alone was shown another value', () => {
    const rig = open();
    rig.latencyMinMs = 1;
    rig.latencyMaxMs = 1;
    rig.tamper = (from, to, message) => {
      if (from !== liar) return [message];
      if (to === 1 && message.kind === 'proposal') return [proposing(rig, message, 'own')];
      return [reporting(rig, message, without(2))];
    };
    expectNobodyLeftOut(rig, [liar]);
  });

  it('leaves nobody out whose time for the report was not over', () => {
    const rig: Rig = new OrderingRig(
      (own, machine) =>
        new AntipaxosEngine({ ...own, exclusion: 'S1', timeoutMaxMs: 1000 }, machine),
      { n: 7, f: 2 },
    );
    rig.latencyMinMs = 1;
    rig.latencyMaxMs = 1;
    rig.tamper = (from, to, message) => {
      if (from === 6) return [];
      if (to !== 1 || message.kind !== 'proposal') return [message];
      rig.after(6, () => rig.transmit(from, to, message));
      return [];
    };
    expectNobodyLeftOut(rig, [6]);
  });
});

/** Lone requests at one replica, and how long each took in virtual time. */
function waits(rig: Rig, count: number, at = 0): number[] {
  return Array.from({ length: count }, (_, index) => {
    const before = rig.history(at).length;
    const startMs = rig.nowMs;
    rig.submit(at, `lone${index}`, 1);
    rig.runUntil(() => rig.history(at).length > before);
    const waitMs = rig.nowMs - startMs;
    rig.runFor(20);
    return waitMs;
  });
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

describe('what one liar costs a lone request', () => {
  const honestMs = median(waits(open(), 40));

  const late =
    (part: number) =>
    (rig: Rig): OrderingTamper =>
    (from, to, message) => {
      if (from !== liar || !(isOwn('proposal', message) || isOwn('report', message))) {
        return [message];
      }
      const delayMs = Math.max(0, part * rig.engine(2).metrics.timeoutMs - 12);
      rig.after(delayMs, () => rig.transmit(from, to, message));
      return [];
    };

  it.each<readonly [string, (rig: Rig) => OrderingTamper]>([
    ['is late by a little less than the timeout', late(0.9)],
    [
      'reports without a value that all others have',
      (rig) => (from, _to, message) => [
        from === liar ? reporting(rig, message, without(2)) : message,
      ],
    ],
  ])('little, for a while, where it %s', (_what, lie) => {
    const rig = open();
    rig.tamper = lie(rig);
    const all = waits(rig, 80);
    expect(median(all)).toBeLessThanOrEqual(1.5 * honestMs);
    // Two phases, each for as long as anybody waits.
    expect(Math.max(...all)).toBeLessThanOrEqual(honestMs + 2 * 100);
    expect(rig.engine(0).metrics.timeoutMs).toBe(100);
    const lies = all.filter((waitMs) => waitMs > 1.5 * honestMs + 10);
    expect(lies.length).toBeLessThanOrEqual(39);
    expect(rig.engine(0).metrics.slowCycles).toBeLessThanOrEqual(39);
  });

  it.each([
    [300, 7],
    [1300, 2],
  ])(
    'a time-out in all, where it is the Decision Module’s primary, too, and lets it wait %i ms',
    (paceMs, most) => {
      const rig = open();
      rig.tamper = (from, to, message) => {
        if (from !== 0) return [message];
        // Its own report would prove the fast path.
        if (message.kind === 'fast-decision') return [];
        if (message.kind !== 'pre-prepare') {
          return [reporting(rig, message, without(2), 0)];
        }
        rig.after(paceMs, () => rig.transmit(from, to, message));
        return [];
      };
      const all = waits(rig, 60, 1);
      const long = all.filter((waitMs) => waitMs > honestMs + 100);
      expect(long.length).toBeGreaterThan(0);
      expect(long.length).toBeLessThanOrEqual(most);
    },
  );

  it('a bounded time where it is just not slow enough to be left out', () => {
    const rig = open();
    rig.tamper = late(0.5)(rig);
    expect(median(waits(rig, 80))).toBeLessThanOrEqual(honestMs + 2 * 60);
  });
});

describe('pbft: a new primary that is behind the new view', () => {
  it('proposes what the view requires once it has the state that it lacks', () => {
    const rig = new OrderingRig((own, machine) => new PbftEngine(own, machine), {
      options: { checkpointInterval: 4, batchDelayMs: 0, batchRequestsMax: 1 },
    });
    const ofStates = ['state', 'chunk', 'committed', 'checkpoint', 'stable'];
    let isCut = true;
    let isBehind = true;
    let areCommitsLost = false;
    rig.tamper = (from, to, message) => {
      if (isCut && (from === 1 || to === 1)) return [];
      if (isBehind && to === 1 && ofStates.includes(message.kind)) return [];
      const isCommit = message.kind === 'phase' && message.signed.statement.phase === 'commit';
      return areCommitsLost && isCommit ? [] : [message];
    };
    for (let number = 1; number <= 20; number += 1) {
      rig.submit(0, 'a', number);
      rig.runUntil(() => rig.haveApplied(number, [0, 2, 3]));
    }
    rig.runFor(200);
    areCommitsLost = true;
    rig.submit(2, 'b', 1);
    rig.submit(3, 'b', 2);
    rig.runFor(30);
    rig.crash(0);
    areCommitsLost = false;
    isCut = false;
    rig.onStep = (replica, outputs) => {
      if (replica !== 1) return;
      if (outputs.some((one) => one.kind === 'log' && one.event === 'view-entered')) {
        isBehind = false;
      }
    };
    rig.runUntil(() => rig.haveApplied(22, [2, 3]));
    expect(rig.engine(2).view).toBe(1);
    rig.checkOrder([1, 2, 3]);
  });
});

describe('pbft: a primary that keeps a place from one backup', () => {
  it('does not make it wait for a retransmission', () => {
    const rig = new OrderingRig((own, machine) => new PbftEngine(own, machine));
    rig.tamper = (from, to, message) => (from === 0 && to === 3 ? [] : [message]);
    const startMs = rig.nowMs;
    rig.submit(1, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1, [1, 2, 3 as ReplicaId]));
    expect(rig.nowMs - startMs).toBeLessThan(100);
  });
});
