import { describe, expect, it } from 'vitest';
import { mean, median, percentile, rounded, shortened } from '../../bench/support/statistics.js';

describe('statistics', () => {
  it('takes the middle value, or the mean of the two in the middle', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
    expect(median([])).toBeNaN();
  });

  it('takes percentiles by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(hundred, 50)).toBe(50);
    expect(percentile(hundred, 99)).toBe(99);
    expect(percentile([3], 99)).toBe(3);
    expect(percentile([], 50)).toBeNaN();
  });

  it('takes means and rounds', () => {
    expect(mean([1, 2])).toBe(1.5);
    expect(rounded(1.006)).toBe(1.01);
    expect(rounded(3.7, 0)).toBe(4);
  });

  it('shortens every number in a value', () => {
    const value = { a: [1234.567, { b: 0.000123456 }], c: 'text', d: null, e: 4 };
    expect(shortened(value)).toEqual({ a: [1235, { b: 0.0001235 }], c: 'text', d: null, e: 4 });
  });
});
