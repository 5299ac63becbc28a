import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DelayEstimate } from '../../../src/core/ordering/antipaxos/delay.js';
import { Membership } from '../../../src/core/ordering/antipaxos/membership.js';
import {
  fastVector,
  isAssistance,
  mergeReports,
  type Vector,
} from '../../../src/core/ordering/antipaxos/merge.js';
import type { Digest, ReplicaId } from '../../../src/vocabulary/ids.js';
import type { ReportStatement } from '../../../src/vocabulary/ordering.js';
import { cycleNumber } from '../../../src/vocabulary/ordering.js';
import { resilience } from '../../../src/vocabulary/quorum.js';
import { readAll } from '../../../src/wire/reader.js';
import { Writer } from '../../../src/wire/writer.js';

const digestOf = (text: string): Digest => text.padStart(64, '0') as Digest;
const v = digestOf('a');
const w = digestOf('b');

function reportOf(replica: number, vector: Vector): ReportStatement {
  const entries = vector.map((digest) => digest && { digest, signature: new Uint8Array(64) });
  const cycle = cycleNumber(1);
  return { kind: 'report', scope: 'antipaxos', cycle, replica: replica as ReplicaId, entries };
}

const setOf = (...replicas: number[]): Set<ReplicaId> => new Set(replicas as ReplicaId[]);

describe('table 1', () => {
  const four = resilience(4, 1);

  it('prefers what f + 1 reports name, then what any names, then null', () => {
    const reports = [
      reportOf(0, [v, v, null, null]),
      reportOf(1, [v, null, w, null]),
      reportOf(2, [w, null, v, null]),
    ];
    expect(mergeReports(reports, four)).toEqual([v, v, v, null]);
  });

  it('lets no report of an excluded process stand in for one of an active process', () => {
    // Replica 0 may have decided v for 2 on the fast path of {0, 1, 2}. With the report of 3, which
    // the liar 2 has sent w, two of three say w.
    const active = setOf(0, 1, 2);
    const leaning = [
      reportOf(1, [v, v, v, null]),
      reportOf(2, [v, v, w, null]),
      reportOf(3, [v, v, w, null]),
    ];
    expect(mergeReports(leaning, four)[2]).toBe(w);
    expect(isAssistance(leaning, active, four)).toBe(false);
    const own = [reportOf(0, [v, v, v, null]), ...leaning.slice(0, 2)];
    expect(isAssistance(own, active, four)).toBe(true);
    expect(mergeReports(own, four)[2]).toBe(v);
  });

  it('never contradicts a fast decision, whoever is excluded and whatever f processes say', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.gen(), (f, gen) => {
        const n = 3 * f + 1 + gen(fc.nat, { max: 2 });
        const bound = resilience(n, f);
        const everybody = Array.from({ length: n }, (_, index) => index);
        const shuffled = gen(fc.shuffledSubarray, everybody, { minLength: n, maxLength: n });
        const active = setOf(...shuffled.slice(gen(fc.nat, { max: f })));
        const liars = setOf(...gen(fc.subarray, everybody, { maxLength: f }));
        const fast = everybody.map((one) => (active.has(one as ReplicaId) ? v : null));
        const lie = (): Vector =>
          fast.map((digest) => digest && gen(fc.constantFrom, v, w, digestOf('c')));
        const members = [...active].sort((a, b) => a - b);
        const reports = members.map((one) => reportOf(one, liars.has(one) ? lie() : fast));
        const size = gen(fc.integer, { min: n - f, max: members.length });
        const chosen = gen(fc.subarray, reports, { minLength: size, maxLength: size });
        expect(isAssistance(chosen, active, bound)).toBe(true);
        expect(mergeReports(chosen, bound)).toEqual(fast);
      }),
    );
  });

  it('has no fast path with a missing value, a missing report or two values', () => {
    const active = setOf(0, 1, 2, 3);
    const same = [0, 1, 2, 3].map((one) => reportOf(one, [v, v, v, v]));
    expect(fastVector(same, active)).toEqual([v, v, v, v]);
    expect(fastVector(same.slice(1), active)).toBeUndefined();
    expect(fastVector([...same.slice(1), reportOf(0, [v, w, v, v])], active)).toBeUndefined();
    const missing = [0, 1, 2, 3].map((one) => reportOf(one, [v, v, v, null]));
    expect(fastVector(missing, active)).toBeUndefined();
    expect(fastVector(missing.slice(0, 3), setOf(0, 1, 2))).toEqual([v, v, v, null]);
  });
});

describe('membership', () => {
  const four = resilience(4, 1);
  const none: readonly (readonly ReplicaId[])[] = [[], [], [], []];

  function run(membership: Membership, from: number, vectors: readonly Vector[]): void {
    vectors.forEach((vector, index) => {
      membership.decided(from + index, vector, none);
    });
  }

  it('changes a pipeline’s depth after the cycle that shows the reason', () => {
    const membership = new Membership(four, 3, 1);
    run(membership, 1, [[v, v, v, null]]);
    expect(membership.activeAt(3)?.has(3 as ReplicaId)).toBe(true);
    expect(membership.activeAt(4)?.has(3 as ReplicaId)).toBe(false);
    expect(membership.activeAt(5)).toBeUndefined();
  });

  it('excludes no more than f, and nobody for a gap with values in between', () => {
    const membership = new Membership(four, 1, 2);
    run(membership, 1, [
      [v, v, null, null],
      [v, v, v, null],
      [v, v, null, null],
      [v, v, null, null],
    ]);
    expect(membership.isExcluded(3 as ReplicaId)).toBe(true);
    expect(membership.isExcluded(2 as ReplicaId)).toBe(false);
  });

  it('takes back whom f + 1 others name, not fewer, and not on its own word', () => {
    const membership = new Membership(four, 1, 1);
    run(membership, 1, [[v, v, v, null]]);
    const three = [3 as ReplicaId];
    membership.decided(2, [v, v, v, null], [three, [], [], three]);
    membership.decided(3, [v, v, v, null], [three, [], [], []]);
    expect(membership.isExcluded(3 as ReplicaId)).toBe(true);
    membership.decided(4, [v, v, v, null], [[], three, [], []]);
    expect(membership.isExcluded(3 as ReplicaId)).toBe(false);
    expect(membership.activeAt(5)?.has(3 as ReplicaId)).toBe(true);
  });

  it('survives a snapshot', () => {
    const membership = new Membership(four, 3, 1);
    run(membership, 1, [[v, v, v, null]]);
    const writer = new Writer();
    membership.write(writer, 1);
    const copy = new Membership(four, 3, 1);
    readAll(writer.finish(), (reader) => copy.read(reader, 1));
    for (const cycle of [2, 3, 4]) {
      expect(copy.activeAt(cycle)).toEqual(membership.activeAt(cycle));
    }
    expect(copy.isExcluded(3 as ReplicaId)).toBe(true);
  });
});

describe('the timeout', () => {
  it('is at least four times the tail of the delays, within its bounds', () => {
    const delay = new DelayEstimate(100, 2000);
    expect(delay.timeoutMs).toBe(100);
    for (let count = 0; count < 100; count += 1) delay.add(50);
    expect(delay.timeoutMs).toBeGreaterThan(4 * 50);
    for (let count = 0; count < 256; count += 1) delay.add(1500);
    expect(delay.timeoutMs).toBe(2000);
    for (let count = 0; count < 256; count += 1) delay.add(1);
    expect(delay.timeoutMs).toBe(100);
  });
});
