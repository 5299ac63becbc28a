import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAll, Writer } from '../../src/kernel/codec/bytes.js';
import { type Digest, type ReplicaId, type Resilience, resilience } from '../../src/kernel/ids.js';
import { Membership, Roster } from '../../src/ordering/core/antipaxos/membership.js';
import {
  fastVector,
  isAssistance,
  isWellFormed,
  mergeReports,
  type Vector,
} from '../../src/ordering/core/antipaxos/reports.js';
import {
  type ComplaintKind,
  type CycleValue,
  cycleNumber,
  type ReportStatement,
} from '../../src/ordering/types.js';

const digestOf = (text: string): Digest => text.padStart(64, '0') as Digest;
const v = digestOf('a');
const w = digestOf('b');

function reportOf(replica: number, vector: Vector): ReportStatement {
  const entries = vector.map((digest) => digest && { digest, signature: new Uint8Array(64) });
  const cycle = cycleNumber(1);
  return { kind: 'report', scope: 'antipaxos', cycle, replica: replica as ReplicaId, entries };
}

const without = (resilience: Resilience, ...excluded: number[]): Roster =>
  new Roster(resilience, excluded as ReplicaId[]);

describe('table 1', () => {
  const four = resilience(4, 1);

  it('prefers what f + 1 reports name, then what any names that is not proved to lie, then null', () => {
    const reports = [
      reportOf(0, [v, v, null, null]),
      reportOf(1, [v, null, w, null]),
      reportOf(2, [v, null, v, null]),
    ];
    expect(mergeReports(reports, without(four))).toEqual([v, v, w, null]);
  });

  it('lets no report of an excluded process stand in for one of an active process', () => {
    // Replica 0 may have decided v for 2 on the fast path of {0, 1, 2}. With the report of 3, which
    // the liar 2 has sent w, two of three say w.
    const roster = without(four, 3);
    const leaning = [
      reportOf(1, [v, v, v, null]),
      reportOf(2, [v, v, w, null]),
      reportOf(3, [v, v, w, null]),
    ];
    expect(mergeReports(leaning, roster)[2]).toBe(w);
    expect(isAssistance(leaning, roster)).toBe(false);
    const own = [reportOf(0, [v, v, v, null]), ...leaning.slice(0, 2)];
    expect(isAssistance(own, roster)).toBe(true);
    expect(mergeReports(own, roster)[2]).toBe(v);
  });

  it('decides by 2f reports where one is excluded, and believes no proposer that has signed two', () => {
    const roster = without(four, 3);
    const decided = reportOf(0, [v, v, v, null]);
    const lie = reportOf(2, [v, v, w, null]);
    for (const reports of [
      [decided, lie],
      [lie, decided],
    ]) {
      expect(isAssistance(reports, roster)).toBe(true);
      expect(mergeReports(reports, roster)).toEqual([v, v, v, null]);
    }
    expect(isAssistance([decided], roster)).toBe(false);
    expect(isAssistance([decided, lie], without(four))).toBe(false);
  });

  it('takes the value of an excluded process from f + 1 reports, not from one that may lie', () => {
    const roster = without(four, 3);
    const open = (replica: number) => reportOf(replica, [v, v, null, w]);
    expect(mergeReports([open(0), open(1)], roster)).toEqual([v, v, null, w]);
    expect(mergeReports([reportOf(0, [v, v, v, null]), open(2)], roster)).toEqual([v, v, v, null]);
  });

  it('takes any value of an excluded process where one of another is missing', () => {
    const reports = [reportOf(1, [null, v, v, v]), reportOf(3, [null, v, w, v])];
    expect(mergeReports(reports, without(four, 2))).toEqual([null, v, v, v]);
  });

  it('never contradicts a fast decision, whoever is excluded and whatever f processes say', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.gen(), (f, gen) => {
        const n = 3 * f + 1 + gen(fc.nat, { max: 2 });
        const everybody = Array.from({ length: n }, (_, index) => index);
        const excluded = gen(fc.subarray, everybody, { maxLength: 1 });
        const roster = without(resilience(n, f), ...excluded);
        const liars = new Set(gen(fc.subarray, everybody, { maxLength: f }));
        const fast = everybody.map((one) => (excluded.includes(one) ? null : v));
        // A correct process signs one value, so all that name any name that.
        const lie = (): Vector =>
          fast.map((digest, index) => {
            if (excluded.includes(index)) return gen(fc.constantFrom, null, w);
            if (!liars.has(index)) return gen(fc.constantFrom, digest, digest, null);
            return gen(fc.constantFrom, v, w, digestOf('c'), null);
          });
        const members = everybody.filter((one) => !excluded.includes(one));
        const reports = members
          .map((one) => reportOf(one, liars.has(one) ? lie() : fast))
          .filter((report) => isWellFormed(report, roster));
        const size = gen(fc.integer, { min: roster.least, max: reports.length });
        const chosen = gen(fc.subarray, reports, { minLength: size, maxLength: size });
        expect(isAssistance(chosen, roster)).toBe(true);
        expect(mergeReports(chosen, roster)).toEqual(fast);
      }),
      { numRuns: 500 },
    );
  });

  it('misses at most f values, whoever is excluded and however few reports there are', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.gen(), (f, gen) => {
        const n = 3 * f + 1;
        const everybody = Array.from({ length: n }, (_, index) => index);
        const excluded = gen(fc.subarray, everybody, { maxLength: f });
        const roster = without(resilience(n, f), ...excluded);
        const some = (): Vector => {
          const named = gen(fc.subarray, everybody, { minLength: n - f });
          return everybody.map((one) => (named.includes(one) ? gen(fc.constantFrom, v, w) : null));
        };
        const reporters = gen(fc.subarray, [...roster.reporters], { minLength: roster.least });
        const reports = reporters.map((one) => reportOf(one, some()));
        const nulls = mergeReports(reports, roster).filter((digest) => digest === null);
        expect(nulls.length).toBeLessThanOrEqual(f);
      }),
      { numRuns: 500 },
    );
  });

  it('has no fast path with a missing value, a missing report, two values, or two excluded', () => {
    const same = [0, 1, 2, 3].map((one) => reportOf(one, [v, v, v, v]));
    const all = without(four);
    expect(fastVector(same, all)).toEqual([v, v, v, v]);
    expect(fastVector(same.slice(1), all)).toBeUndefined();
    expect(fastVector([...same.slice(1), reportOf(0, [v, w, v, v])], all)).toBeUndefined();
    const missing = [0, 1, 2, 3].map((one) => reportOf(one, [v, v, v, null]));
    expect(fastVector(missing, all)).toBeUndefined();
    expect(fastVector(missing.slice(0, 3), without(four, 3))).toEqual([v, v, v, null]);
    expect(fastVector(same.slice(0, 3), without(four, 3))).toBeUndefined();
    // One that is not waited for does not stand for one that is.
    const others = [0, 1, 3].map((one) => reportOf(one, [v, v, v, null]));
    expect(fastVector(others, without(four, 3))).toBeUndefined();
    const seven = without(resilience(7, 2), 5, 6);
    const five = [0, 1, 2, 3, 4].map((one) => reportOf(one, [v, v, v, v, v, null, null]));
    expect(fastVector(five, seven)).toBeUndefined();
    expect(isAssistance(five, seven)).toBe(true);
  });
});

describe('membership', () => {
  const four = resilience(4, 1);
  const three = 3 as ReplicaId;

  /** What a process says in its value, or nothing at all. */
  type Said = Partial<Pick<CycleValue, 'readmit' | 'complaints'>> | null;

  function decide(membership: Membership, cycle: number, said: readonly Said[]): void {
    const values = said.map((one) =>
      one === null ? undefined : { batch: [], readmit: [], complaints: [], ...one },
    );
    membership.decided(cycle, values);
  }

  const complainOf = (what: ComplaintKind, ...cycles: number[]): Said => ({
    complaints: cycles.map((cycle) => ({ cycle: cycleNumber(cycle), replica: three, what })),
  });
  const complain = (...cycles: number[]): Said => complainOf('absent', ...cycles);
  const back: Said = { readmit: [three] };
  const isExcluded = (membership: Membership): boolean => membership.isExcluded(three);

  it('changes a pipeline’s depth after the cycle that shows the reason', () => {
    const membership = new Membership(four, 3, 1);
    decide(membership, 1, [{}, {}, {}, null]);
    expect(membership.rosterAt(3)?.awaited.has(three)).toBe(true);
    expect(membership.rosterAt(4)?.awaited.has(three)).toBe(false);
    expect(membership.rosterAt(5)).toBeUndefined();
  });

  it('excludes no more than f, and nobody for a gap with values in between', () => {
    const membership = new Membership(four, 1, 2);
    decide(membership, 1, [{}, {}, null, null]);
    decide(membership, 2, [{}, {}, {}, null]);
    decide(membership, 3, [{}, {}, null, null]);
    decide(membership, 4, [{}, {}, null, null]);
    expect(isExcluded(membership)).toBe(true);
    expect(membership.isExcluded(2 as ReplicaId)).toBe(false);
  });

  it('excludes whom f + 1 complain of, in so many cycles in a row', () => {
    const membership = new Membership(four, 4, 2);
    decide(membership, 1, [{}, {}, {}, {}]);
    decide(membership, 2, [complain(1), {}, complain(1), {}]);
    decide(membership, 3, [{}, {}, {}, {}]);
    decide(membership, 4, [complain(3), complain(3), {}, {}]);
    expect(isExcluded(membership)).toBe(false);
    // The second complaint of cycle 2 comes last.
    decide(membership, 5, [complain(2), {}, {}, {}]);
    decide(membership, 6, [{}, {}, complain(2), {}]);
    expect(isExcluded(membership)).toBe(true);
  });

  it('excludes whom f + 1 find slow in a quarter of the cycles, not in fewer, nor by one alone', () => {
    const membership = new Membership(four, 4, 1);
    let cycle = 1;
    const next = (said: readonly Said[]): void => {
      decide(membership, cycle, said);
      cycle += 1;
    };
    next([{}, {}, {}, {}]);
    for (let round = 0; round < 100; round += 1) {
      const last = complainOf('slow', cycle - 1);
      const isFifth = round % 5 === 0;
      next([isFifth ? last : {}, last, {}, last]);
    }
    expect(isExcluded(membership)).toBe(false);
    for (let round = 0; round < 20; round += 1) {
      const last = complainOf('slow', cycle - 1);
      next([last, {}, last, {}]);
    }
    expect(isExcluded(membership)).toBe(true);
  });

  it('believes nobody alone, however often, nor who complains of itself or of times past and to come', () => {
    const membership = new Membership(four, 2, 1);
    for (let cycle = 1; cycle <= 20; cycle += 1) {
      const all = Array.from({ length: 24 }, (_, index) => index + 1);
      decide(membership, cycle, [{}, complain(...all), {}, complain(...all)]);
      expect(isExcluded(membership)).toBe(false);
    }
    decide(membership, 21, [complain(21, 22), {}, complain(17, 21, 22), {}]);
    expect(isExcluded(membership)).toBe(false);
    decide(membership, 22, [complain(18), {}, complain(18), {}]);
    expect(isExcluded(membership)).toBe(false);
    decide(membership, 23, [complain(20), {}, complain(20), {}]);
    expect(isExcluded(membership)).toBe(true);
  });

  it('takes back whom f + 1 others name, not fewer, and not on its own word', () => {
    const membership = new Membership(four, 1, 1);
    decide(membership, 1, [{}, {}, {}, null]);
    decide(membership, 2, [back, {}, {}, back]);
    decide(membership, 3, [back, {}, {}, null]);
    expect(isExcluded(membership)).toBe(true);
    expect(membership.mayEndorse(0 as ReplicaId, three, 4)).toBe(false);
    expect(membership.mayEndorse(1 as ReplicaId, three, 4)).toBe(true);
    decide(membership, 4, [{}, back, {}, null]);
    expect(isExcluded(membership)).toBe(false);
    expect(membership.rosterAt(5)?.awaited.has(three)).toBe(true);
  });

  it('bars whoever is excluded again twice as long each time, and forgives after a while', () => {
    const depth = 4;
    const membership = new Membership(four, depth, 1);
    let cycle = 0;
    /** Cycles from one exclusion to the return, where all want it back at once. */
    const absence = (): number => {
      cycle += depth;
      decide(membership, cycle, [{}, {}, {}, null]);
      expect(isExcluded(membership)).toBe(true);
      const start = cycle;
      while (isExcluded(membership)) {
        cycle += 1;
        decide(membership, cycle, [back, back, back, null]);
      }
      return cycle - start;
    };
    expect([absence(), absence(), absence(), absence()]).toEqual([1, 4, 12, 28]);
    for (let count = 0; count < 6; count += 1) absence();
    expect(absence()).toBe(depth * (2 ** 10 - 1));
    for (const last = cycle + 9000; cycle < last; ) {
      cycle += 1;
      decide(membership, cycle, [{}, {}, {}, {}]);
    }
    expect(absence()).toBe(1);
  });

  it('survives a snapshot', () => {
    const membership = new Membership(four, 3, 2);
    decide(membership, 1, [{}, {}, {}, {}]);
    decide(membership, 2, [complain(1), {}, complain(1), null]);
    const copies = [membership, new Membership(four, 3, 2)];
    const writer = new Writer();
    membership.write(writer, 2);
    readAll(writer.finish(), (reader) => copies[1]?.read(reader, 2));
    for (const copy of copies) {
      expect(isExcluded(copy)).toBe(true);
      decide(copy, 3, [back, {}, {}, null]);
      decide(copy, 4, [complain(3), back, {}, null]);
      expect(isExcluded(copy)).toBe(false);
      decide(copy, 5, [{}, {}, {}, {}]);
      decide(copy, 6, [{}, {}, {}, {}]);
      decide(copy, 7, [{}, {}, {}, null]);
      decide(copy, 8, [{}, {}, {}, null]);
      expect(isExcluded(copy)).toBe(true);
    }
    for (const cycle of [3, 4, 5, 8, 11]) {
      expect(copies[1]?.rosterAt(cycle)).toEqual(membership.rosterAt(cycle));
    }
  });
});
