import { describe, expect, it } from 'vitest';
import { isContended } from '../../../bench/layer2/contention.js';

const pairs = Array.from({ length: 100 }, (_, pair) => pair);

describe('contended pairs', () => {
  it.each([0, 2, 50, 100])('are %i in a hundred', (percent) => {
    expect(pairs.filter((pair) => isContended(pair, percent))).toHaveLength(percent);
  });

  it('are spread evenly', () => {
    expect(pairs.filter((pair) => isContended(pair, 2))).toEqual([49, 99]);
  });
});
