import { describe, expect, it } from 'vitest';
import { sha256 as digestOfBytes } from '../../src/kernel/digest.js';
import { clientId, type Digest, type ReplicaId } from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';
import {
  digestOfBatch,
  digestOfCycleValue,
  signOrdering,
  verifyOrderingMessage,
} from '../../src/ordering/check-message.js';
import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import type { AntipaxosOptions } from '../../src/ordering/core/antipaxos/state.js';
import { orderingDefaults } from '../../src/ordering/core/engine.js';
import { encodeAssistance } from '../../src/ordering/report-codec.js';
import {
  type Batch,
  type CycleValue,
  cycleNumber,
  type OrderingMessage,
  type OrderingMessageOf,
  type ReportEntry,
  type ReportStatement,
} from '../../src/ordering/types.js';
import { makeRequest, OrderingRig, type OrderingRigOptions } from '../support/ordering-rig.js';

type Rig = OrderingRig<AntipaxosEngine>;

function open(changed: Partial<AntipaxosOptions> = {}, rest: OrderingRigOptions = {}): Rig {
  const options = { batchDelayMs: 0, ...changed };
  return new OrderingRig(
    (own, machine) =>
      new AntipaxosEngine({ exclusion: 'S1', timeoutMaxMs: 2000, ...own, ...changed }, machine),
    { ...rest, options },
  );
}

function proposal(
  rig: Rig,
  replica: number,
  cycle: number,
  value: CycleValue,
): OrderingMessageOf<'proposal'> {
  const statement = {
    kind: 'proposal',
    scope: 'antipaxos',
    cycle: cycleNumber(cycle),
    replica: replica as ReplicaId,
    digest: digestOfCycleValue(value),
  } as const;
  const signed = signOrdering(rig.parties.replicaSign(replica), rig.parties.cluster.id, statement);
  return { kind: 'proposal', scope: 'antipaxos', proposal: signed, value };
}

function report(
  rig: Rig,
  replica: number,
  cycle: number,
  entries: readonly (ReportEntry | null)[],
): OrderingMessageOf<'report'> {
  const statement = {
    kind: 'report',
    scope: 'antipaxos',
    cycle: cycleNumber(cycle),
    replica: replica as ReplicaId,
    entries,
  } as const;
  const signed = signOrdering(rig.parties.replicaSign(replica), rig.parties.cluster.id, statement);
  return { kind: 'report', scope: 'antipaxos', report: signed };
}

function entryOf({
  proposal: { statement, signature },
}: OrderingMessageOf<'proposal'>): ReportEntry {
  return { digest: statement.digest, signature };
}

const valueFrom = (text: string): CycleValue => ({
  batch: [makeRequest(text, 1, text)],
  readmit: [],
  complaints: [],
});

const accepts = (rig: Rig, from: number, message: OrderingMessage): boolean =>
  verifyOrderingMessage(rig.parties.keyring, () => true, from as ReplicaId, message).ok;

const all = [0, 1, 2, 3];

function submitEverywhere(rig: Rig, number: number): void {
  for (const replica of rig.alive) rig.submit(replica, `c${replica}`, number);
}

describe('the fast path', () => {
  it('decides after two message delays', () => {
    const rig = open();
    rig.latencyMinMs = 10;
    rig.latencyMaxMs = 10;
    const startMs = rig.nowMs;
    submitEverywhere(rig, 1);
    rig.runUntil(() => rig.haveApplied(4));
    expect(rig.nowMs - startMs).toBe(20);
    expect(rig.engine(0).metrics).toMatchObject({ fastCycles: 1, slowCycles: 0 });
    expect(rig.count('pre-prepare')).toBe(0);
  });

  it('sends each process two messages to each other one a cycle', () => {
    const rig = open();
    submitEverywhere(rig, 1);
    rig.runUntil(() => rig.haveApplied(4));
    expect(rig.count('proposal')).toBe(12);
    expect(rig.count('report')).toBe(12);
  });

  it('takes an empty value for a value: one busy process alone makes no slow cycle', () => {
    const rig = open();
    for (let number = 1; number <= 5; number += 1) {
      rig.submit(2, 'a', number);
      rig.runUntil(() => rig.haveApplied(number));
    }
    expect(rig.engine(0).metrics.slowCycles).toBe(0);
  });

  it('has several cycles under way, no more than the depth, and delivers them in order', () => {
    const rig = open({ pipelineDepth: 4 });
    rig.latencyMinMs = 20;
    rig.latencyMaxMs = 80;
    let openMax = 0;
    for (let number = 1; number <= 40; number += 1) {
      rig.submit(0, 'a', number);
      rig.runFor(3);
      openMax = Math.max(openMax, rig.engine(0).metrics.openCycles);
    }
    rig.runUntil(() => rig.haveApplied(40));
    expect(openMax).toBe(4);
    const numbers = rig.history(3).map((entry) => Number(entry.split(':')[2]));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    rig.checkOrder();
  });

  it('is a batch a cycle, by time or size', () => {
    const rig = open({ batchDelayMs: 20, batchRequestsMax: 3 });
    for (let number = 1; number <= 7; number += 1) rig.submit(0, 'a', number);
    rig.runUntil(() => rig.haveApplied(7));
    const cycles = rig.history(0).map((entry) => Number(entry.split(':')[0]));
    expect(cycles).toEqual([1, 1, 1, 2, 2, 2, 3]);
  });
});

describe('hazard 1: every signature covers the cycle', () => {
  it('refuses a value of one cycle in a report of another', () => {
    const rig = open();
    const entries = (cycle: number): ReportEntry[] =>
      all.map((replica) => entryOf(proposal(rig, replica, cycle, valueFrom(`v${replica}`))));
    expect(accepts(rig, 1, report(rig, 1, 1, entries(1)))).toBe(true);
    expect(accepts(rig, 1, report(rig, 1, 2, entries(2)))).toBe(true);
    expect(accepts(rig, 1, report(rig, 1, 2, entries(1)))).toBe(false);
  });

  it('refuses another cluster, and a value that its proposer did not sign', () => {
    const rig = open();
    const message = proposal(rig, 2, 1, valueFrom('v'));
    expect(accepts(rig, 3, message)).toBe(true);
    expect(accepts(rig, 3, { ...message, value: valueFrom('w') })).toBe(false);
  });
});

describe('hazard 2: a report may name a value that nobody has', () => {
  it.each([0, 3])('goes on where replica %i names its own and shows it to nobody', (liar) => {
    const rig = open();
    rig.tamper = (from, _to, message) =>
      from === liar && message.kind === 'proposal' ? [] : [message];
    for (let number = 1; number <= 5; number += 1) submitEverywhere(rig, number);
    const correct = all.filter((replica) => replica !== liar);
    rig.runUntil(() => rig.haveApplied(15, correct));
    rig.checkOrder(correct);
  });

  it('fetches a value that one correct process alone was sent', () => {
    const rig = open();
    rig.tamper = (from, to, message) =>
      from === 3 && to !== 1 && message.kind === 'proposal' ? [] : [message];
    rig.submit(3, 'only', 1);
    rig.runUntil(() => rig.haveApplied(1));
    expect(rig.count('fetch-value')).toBeGreaterThan(0);
    rig.checkOrder();
  });

  it('asks for no value that is on its way', () => {
    const rig = open();
    rig.latencyMaxMs = 20;
    for (let number = 1; number <= 10; number += 1) {
      submitEverywhere(rig, number);
      rig.runFor(30);
    }
    rig.runUntil(() => rig.haveApplied(40));
    expect(rig.count('fetch-value')).toBe(0);
  });

  it('prepares no decision with a value that it does not hold, whatever the primary proposes', () => {
    const rig = open();
    const hidden = entryOf(proposal(rig, 0, 1, valueFrom('hidden')));
    const seen = new Map<number, Signed<ReportStatement>>();
    /** The command that has 0's value decided, which nobody has. */
    const command = (): Batch => {
      const honest = [...seen.values()].slice(0, 2);
      const entries = honest[0]?.statement.entries.map((entry, index) => (index ? entry : hidden));
      const reports = [report(rig, 0, 1, entries ?? []).report, ...honest].sort(
        (a, b) => a.statement.replica - b.statement.replica,
      );
      const payload = encodeAssistance({ excluded: [], reports });
      return [{ client: clientId('decision-module'), number: 1, payload }];
    };
    rig.tamper = (from, _to, message) => {
      if (message.kind === 'report' && from !== 0) seen.set(from, message.report);
      if (from !== 0) return [message];
      if (message.kind === 'proposal' || message.kind === 'report') return [];
      if (message.kind !== 'pre-prepare') return [message];
      const batch = command();
      const statement = { ...message.prePrepare.statement, digest: digestOfBatch(batch) };
      const prePrepare = signOrdering(
        rig.parties.replicaSign(0),
        rig.parties.cluster.id,
        statement,
      );
      expect(accepts(rig, 0, { ...message, prePrepare, batch })).toBe(true);
      return [{ ...message, prePrepare, batch }];
    };
    for (const replica of [1, 2, 3]) rig.submit(replica, `c${replica}`, 1);
    rig.runUntil(() => rig.haveApplied(3, [1, 2, 3]));
    expect(rig.engine(1).metrics.slowCycles).toBeGreaterThan(0);
    rig.checkOrder([1, 2, 3]);
  });

  it('signs one report of a cycle, restarts included', () => {
    const rig = open();
    const reports = new Map<number, Set<string>>();
    const late: OrderingMessage[] = [];
    let isLate = true;
    rig.tamper = (from, _to, message) => {
      if (message.kind === 'proposal' && from === 3 && isLate) {
        late.push(message);
        return [];
      }
      if (message.kind !== 'report') return [message];
      const { cycle } = message.report.statement;
      const digest = digestOfBytes(message.report.bytes);
      if (from === 1) reports.set(cycle, (reports.get(cycle) ?? new Set()).add(digest));
      return isLate ? [] : [message];
    };
    submitEverywhere(rig, 1);
    rig.runUntil(() => reports.size > 0);
    rig.crash(1);
    isLate = false;
    rig.start(1);
    // What it did not have when it reported comes before its time is up again.
    for (const message of late) rig.transmit(3, 1, message);
    rig.runUntil(() => rig.haveApplied(3));
    rig.runFor(5000);
    expect([...reports.values()].map(({ size }) => size)).toEqual([...reports].map(() => 1));
  });

  /** How many values of the first cycle are on disk where a step sends the first message of this kind. */
  function valuesBefore(rig: Rig, kind: 'report' | 'phase'): Map<number, number> {
    const counts = new Map<number, number>();
    const isValue = (key: string) => key.startsWith('antipaxos/value/1/');
    rig.onStep = (replica, outputs) => {
      const told = outputs.findIndex(
        (output) => output.kind === 'broadcast' && output.message.kind === kind,
      );
      if (told < 0 || counts.has(replica)) return;
      const written = outputs
        .slice(0, told)
        .flatMap((output) =>
          output.kind === 'persist' && isValue(output.key) ? [output.key] : [],
        );
      const stored = [...(rig.stores[replica]?.keys() ?? [])].filter(isValue);
      counts.set(replica, new Set([...stored, ...written]).size);
    };
    return counts;
  }

  it('can hand over after a crash what it has reported', () => {
    const rig = open();
    const values = valuesBefore(rig, 'report');
    submitEverywhere(rig, 1);
    rig.runUntil(() => rig.haveApplied(4));
    expect([...values.values()]).toEqual([4, 4, 4, 4]);
  });

  it('can hand over after a crash what it lets the Decision Module decide', () => {
    const rig = open();
    const values = valuesBefore(rig, 'phase');
    // Replica 1 reports without the value of replica 2, which is decided, and not without its vote.
    let hasReported = false;
    rig.tamper = (from, to, message) => {
      hasReported ||= from === 1 && message.kind === 'report';
      const isOfTwo = message.kind === 'proposal' && message.proposal.statement.replica === 2;
      const isLost = to === 1 && isOfTwo && !hasReported;
      const isSilent = from === 3 && message.kind === 'phase';
      return isLost || isSilent ? [] : [message];
    };
    submitEverywhere(rig, 1);
    rig.runUntil(() => values.has(1));
    expect(values.get(1)).toBe(4);
    expect([...values.values()]).toEqual([...values].map(() => 4));
  });
});

describe('an equivocating proposer', () => {
  /** Replica `liar` proposes one value to even processes and another to odd ones. */
  function equivocate(rig: Rig, liar: number): void {
    rig.tamper = (from, to, message) => {
      if (from !== liar || message.kind !== 'proposal') return [message];
      const { cycle, replica } = message.proposal.statement;
      if (replica !== liar || to % 2 === 0) return [message];
      return [proposal(rig, liar, cycle, valueFrom(`evil${cycle}`))];
    };
  }

  it.each(Array.from({ length: 10 }, (_, index) => index + 1))(
    'decides one of its values, the same everywhere (seed %i)',
    (seed) => {
      const rig = open({}, { seed });
      equivocate(rig, 3);
      rig.latencyMaxMs = 40;
      for (let number = 1; number <= 8; number += 1) {
        submitEverywhere(rig, number);
        rig.runFor(rig.random() * 100);
        rig.checkOrder([0, 1, 2]);
      }
      rig.runUntil(() => rig.haveApplied(24, [0, 1, 2]));
      rig.checkOrder([0, 1, 2]);
    },
  );

  it.each([1, 2, 3, 4, 5])(
    'with another one dead, excluded, lossy links and n = 7 (seed %i)',
    (seed) => {
      const rig = open({}, { seed, n: 7, f: 2 });
      equivocate(rig, 6);
      rig.crash(5);
      rig.lossRate = 0.05;
      rig.latencyMaxMs = 60;
      for (let number = 1; number <= 8; number += 1) {
        submitEverywhere(rig, number);
        rig.runFor(rig.random() * 300);
        rig.checkOrder([0, 1, 2, 3, 4]);
      }
      rig.lossRate = 0;
      rig.runUntil(() => rig.haveApplied(40, [0, 1, 2, 3, 4]), 600_000);
      rig.checkOrder([0, 1, 2, 3, 4]);
    },
  );
});

describe('hazard 3: exclusion', () => {
  it('is the same for everybody, brings the fast path back, and ends when the process is back', () => {
    const rig = open();
    submitEverywhere(rig, 1);
    rig.runUntil(() => rig.haveApplied(4));
    rig.crash(3);
    for (let number = 2; number <= 30; number += 1) {
      submitEverywhere(rig, number);
      rig.runUntil(() => rig.haveApplied(4 + 3 * (number - 1)));
    }
    for (const replica of [0, 1, 2]) {
      expect(rig.engine(replica).metrics.excluded).toEqual([3]);
      expect(rig.engine(replica).metrics.slowCycles).toBeLessThan(12);
    }
    rig.start(3);
    rig.submit(3, 'back', 1);
    rig.runUntil(() => rig.haveApplied(92));
    rig.runUntil(() => all.every((one) => rig.engine(one).metrics.excluded.length === 0));
    const before = rig.engine(0).metrics.slowCycles;
    for (let number = 31; number <= 60; number += 1) {
      submitEverywhere(rig, number);
      rig.runFor(50);
    }
    rig.runUntil(() => rig.haveApplied(92 + 4 * 30));
    expect(rig.engine(0).metrics.slowCycles).toBe(before);
    rig.runUntilIdle();
    rig.checkOrder();
  });

  it('runs the cycles that still wait for the process side by side, and then rests', () => {
    const rig = open();
    rig.crash(3);
    rig.submit(0, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1, [0, 1, 2]));
    rig.runFor(3000);
    // Each of them waits for 100 ms and more; the next request meets none.
    const startedMs = rig.nowMs;
    rig.submit(0, 'a', 2);
    rig.runUntil(() => rig.haveApplied(2, [0, 1, 2]));
    expect(rig.nowMs - startedMs).toBeLessThan(100);
    expect(rig.engine(0).metrics.excluded).toEqual([3]);
    const { position } = rig.engine(0);
    expect(position).toBeLessThanOrEqual(2 + orderingDefaults.pipelineDepth);
    rig.runFor(600_000);
    expect(rig.engine(0).position).toBe(position);
  });

  it.each([
    ['S1', 100, 1],
    ['S2', 100, 20],
    ['S3', 200, 1],
  ] as const)(
    '%s waits at least %i ms, and for %i missing values',
    (exclusion, timeoutMs, missed) => {
      const rig = open({ exclusion, pipelineDepth: 2 });
      rig.crash(3);
      let slowAtExclusion: number | undefined;
      for (let number = 1; number <= 40; number += 1) {
        submitEverywhere(rig, number);
        rig.runUntil(() => rig.haveApplied(3 * number));
        const { excluded, slowCycles } = rig.engine(0).metrics;
        if (excluded.length > 0) slowAtExclusion ??= slowCycles;
      }
      expect(rig.engine(0).metrics.timeoutMs).toBeGreaterThanOrEqual(timeoutMs);
      expect(slowAtExclusion).toBeGreaterThanOrEqual(missed);
      expect(slowAtExclusion).toBeLessThanOrEqual(missed + 3);
    },
  );

  it.each([
    [4, 1],
    [5, 1],
    [7, 2],
    [10, 3],
  ])(
    'spends no fault budget: n = %i goes on with f = %i excluded and as many others silent',
    (n, f) => {
      const rig = open({ pipelineDepth: 4 }, { n, f });
      const excluded = Array.from({ length: f }, (_, index) => n - 1 - index);
      for (const replica of excluded) rig.crash(replica);
      let number = 0;
      while (rig.engine(0).metrics.excluded.length < f) {
        number += 1;
        submitEverywhere(rig, number);
        rig.runUntil(() => rig.haveApplied((n - f) * number));
      }
      const silent = Array.from({ length: f }, (_, index) => index + 1);
      for (const replica of silent) rig.crash(replica);
      for (const replica of excluded) rig.start(replica);
      submitEverywhere(rig, number + 1);
      rig.runUntil(() => rig.haveApplied((n - f) * (number + 1)), 60_000);
      rig.runUntil(
        () => !excluded.some((one) => rig.engine(0).metrics.excluded.includes(one as never)),
      );
      rig.checkOrder();
    },
  );

  it('lets no excluded process keep the others awake', () => {
    const rig = open({ pipelineDepth: 1 });
    rig.tamper = (from, _to, message) => (from === 3 ? [] : [message]);
    for (let number = 1; number <= 3; number += 1) submitEverywhere(rig, number);
    rig.runUntil(() => rig.engine(0).metrics.excluded.length > 0);
    rig.runFor(5000);
    rig.crash(3);
    rig.runUntilIdle();
    for (const to of [0, 1, 2]) {
      const cycle = rig.engine(to).position + 1;
      rig.transmit(3, to, proposal(rig, 3, cycle, valueFrom('nothing')));
    }
    rig.runUntilIdle(60_000);
  });

  it('lets no reports of f processes on nothing keep the others awake', () => {
    const rig = open();
    for (const to of [0, 1, 2]) {
      for (const cycle of [1, 2])
        rig.transmit(3, to, report(rig, 3, cycle, [null, null, null, null]));
    }
    rig.runUntilIdle();
    expect(rig.refused).toEqual([]);
    expect(rig.count('status')).toBeLessThan(100);
  });

  it('keeps asking about a cycle that f + 1 have reported, though no proposal of it came', () => {
    const rig = open();
    rig.runUntilIdle();
    for (const from of [2, 3])
      rig.transmit(from, 0, report(rig, from, 1, [null, null, null, null]));
    rig.tamper = () => [];
    rig.runFor(100_000);
    let asked = 0;
    rig.tamper = (from, _to, { kind }) => {
      if (from === 0 && kind === 'status') asked += 1;
      return [];
    };
    rig.runFor(20_000);
    expect(asked).toBeGreaterThan(3);
  });

  it('leaves an excluded process its voice: others propose for it', () => {
    const rig = open();
    rig.tamper = (from, _to, message) =>
      from === 3 && (message.kind === 'proposal' || message.kind === 'rejoin') ? [] : [message];
    for (let number = 1; number <= 3; number += 1) submitEverywhere(rig, number);
    rig.runUntil(() => rig.haveApplied(12));
    expect(rig.engine(0).metrics.excluded).toEqual([3]);
    rig.checkOrder();
  });
});

describe('hazard 4: links lose messages', () => {
  it('catches up from the proofs of fast decisions', () => {
    const rig = open();
    rig.tamper = (_from, to, message) => (to === 3 && message.kind === 'report' ? [] : [message]);
    submitEverywhere(rig, 1);
    rig.runUntil(() => rig.haveApplied(4, [0, 1, 2]));
    expect(rig.history(3)).toEqual([]);
    rig.runUntil(() => rig.haveApplied(4));
    expect(rig.count('fast-decision')).toBeGreaterThan(0);
    expect(rig.engine(3).metrics).toMatchObject({ fastCycles: 1, slowCycles: 0 });
    rig.checkOrder();
  });

  it('catches up from the Decision Module’s log where a decision was slow', () => {
    const rig = open({ exclusion: 'S2' });
    rig.tamper = (_from, to, message) => (to === 3 && message.kind !== 'status' ? [] : [message]);
    rig.submit(0, 'a', 1);
    rig.runUntil(() => rig.haveApplied(1, [0, 1, 2]));
    rig.tamper = (_from, to, message) => (to === 3 && message.kind === 'report' ? [] : [message]);
    rig.runUntil(() => rig.haveApplied(1));
    expect(rig.engine(3).metrics).toMatchObject({ fastCycles: 0, slowCycles: 1 });
    expect(rig.count('committed')).toBeGreaterThan(0);
  });

  it('believes no fast decision without the reports of all active processes', () => {
    const rig = open();
    const values = all.map((replica) => proposal(rig, replica, 1, valueFrom(`v${replica}`)));
    const entries = values.map(entryOf);
    const reports = all.map((replica) => report(rig, replica, 1, entries).report);
    const show = (shown: typeof reports): void => {
      for (const value of values) rig.transmit(1, 0, value);
      rig.transmit(1, 0, { kind: 'fast-decision', scope: 'antipaxos', reports: shown });
      rig.runFor(20);
    };
    rig.tamper = () => [];
    show(reports.slice(0, 3));
    expect(rig.history(0)).toEqual([]);
    show(reports);
    for (const value of values) rig.transmit(1, 0, value);
    rig.runFor(20);
    expect(rig.history(0)).toHaveLength(4);
  });
});

describe('hazard 6: null and empty', () => {
  it('decides at most f nulls, and never for a process whose value came in time', () => {
    const rig = open({}, { n: 7, f: 2 });
    rig.crash(5);
    rig.crash(6);
    const nulls: number[] = [];
    rig.tamper = (_from, _to, message) => {
      if (message.kind === 'report') {
        const { entries } = message.report.statement;
        nulls.push(entries.filter((entry: { digest: Digest } | null) => entry === null).length);
      }
      return [message];
    };
    submitEverywhere(rig, 1);
    rig.runUntil(() => rig.haveApplied(5));
    expect(Math.max(...nulls)).toBe(2);
    expect(rig.history(0)).toHaveLength(5);
  });
});
