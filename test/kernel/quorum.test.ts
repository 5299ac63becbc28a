import { describe, expect, it } from 'vitest';
import {
  oneCorrect,
  primaryOf,
  quorum,
  resilience,
  type View,
  witnesses,
} from '../../src/kernel/ids.js';

const sizes = [0, 1, 2, 3, 4, 5].flatMap((f) =>
  Array.from({ length: 8 }, (_, extra) => resilience(3 * f + 1 + extra, f)),
);

describe('quorums, for every small n and f', () => {
  it.each(sizes)('n = $n, f = $f: two quorums share a correct replica', (size) => {
    expect(2 * quorum(size) - size.n).toBeGreaterThan(size.f);
  });

  it.each(sizes)('n = $n, f = $f: a smaller quorum would not do', (size) => {
    expect(2 * (quorum(size) - 1) - size.n).toBeLessThanOrEqual(size.f);
  });

  it.each(sizes)('n = $n, f = $f: the correct replicas alone are a quorum', (size) => {
    expect(size.n - size.f).toBeGreaterThanOrEqual(quorum(size));
  });

  it.each(sizes)('n = $n, f = $f: f + 1 hold a correct one, f may not', (size) => {
    expect(oneCorrect(size)).toBe(size.f + 1);
  });

  it.each(sizes)('n = $n, f = $f: a quorum and the witnesses share f + 1 others', (size) => {
    const others = size.n - 1;
    expect(quorum(size) - 1 + witnesses(size) - others).toBe(size.f + 1);
  });

  it('takes 2f + 1 witnesses of 3f others', () => {
    expect([1, 2, 3].map((f) => witnesses(resilience(3 * f + 1, f)))).toEqual([3, 5, 7]);
  });

  it('refuses n below 3f + 1', () => {
    expect(() => resilience(3, 1)).toThrow(RangeError);
    expect(() => resilience(6, 2)).toThrow(RangeError);
    expect(() => resilience(4.5, 1)).toThrow(RangeError);
  });

  it('passes the primary round', () => {
    const primaries = [0, 1, 2, 3, 4, 5].map((view) => primaryOf(resilience(4, 1), view as View));
    expect(primaries).toEqual([0, 1, 2, 3, 0, 1]);
  });
});
