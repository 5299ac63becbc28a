import { describe, expect, it } from 'vitest';
import { PeerResults } from '../../../bench/peers/results.js';

const window = (perSecond: number, processorMs: number) => ({
  perSecond,
  processorMs,
  p50Ms: 10,
  p99Ms: 20,
});

describe('systems that are compared', () => {
  const results = new PeerResults();
  const rounds = [
    { ours: [10, 40], theirs: [20, 10] },
    { ours: [11, 60], theirs: [30, 15] },
    { ours: [12, 80], theirs: [25, 12] },
  ] as const;
  for (const { ours, theirs } of rounds) {
    for (const [index, clients] of ([1, 16] as const).entries()) {
      results.add('ours', clients, window(ours[index] ?? 0, 50));
      results.add('theirs', clients, window(theirs[index] ?? 0, 100));
    }
  }

  it('are each taken at their own best number of clients, by medians', () => {
    const [ours, theirs] = results.summaries(['ours', 'theirs'], 'theirs');
    expect(ours?.best).toEqual({ clients: 16, perSecond: 60, ...times, processorMs: 50 });
    expect(theirs?.best).toMatchObject({ clients: 1, perSecond: 25, processorMs: 100 });
    expect(ours?.points.map(({ clients }) => clients)).toEqual([1, 16]);
  });

  it('have ratios round by round, and the base 1', () => {
    const [ours, theirs] = results.summaries(['ours', 'theirs'], 'theirs');
    // 40/20, 60/30, 80/25
    expect(ours?.ratios).toEqual({ perSecond: 2, processorMs: 0.5 });
    expect(theirs?.ratios).toEqual({ perSecond: 1, processorMs: 1 });
  });

  it('have no ratios to what is not there', () => {
    expect(() => results.summaries(['ours'], 'another')).toThrow('no figures of another');
  });
});

const times = { p50Ms: 10, p99Ms: 20 };
