import { describe, expect, it } from 'vitest';
import { chartSvg, chartText } from '../../../bench/failure/chart.js';
import { simulateFailure } from '../../../bench/failure/simulate.js';
import { type Answer, recoveryOf } from '../../../bench/failure/timeline.js';

/** One answer each 10 ms, but none from 1000 to 1300; what waited comes then, and is slow until 1500. */
const answers: Answer[] = Array.from({ length: 200 }, (_, index) => index * 10)
  .filter((atMs) => atMs <= 1000 || atMs >= 1300)
  .map((atMs) => ({ atMs, latencyMs: atMs >= 1300 && atMs < 1500 ? 300 : 5, requests: 2 }));

describe('what a failure did', () => {
  const recovery = recoveryOf(answers, { failedMs: 1000, endMs: 2000, requests: 400 });

  it('tells the pause, and how long requests were slower than before', () => {
    expect(recovery.pauseMs).toBe(300);
    expect(recovery.recoveryMs).toBe(490);
    expect(recovery.slowestMs).toBe(300);
    expect(recovery.answered).toBe(answers.length * 2);
  });

  it('gives the throughput of each fifth of a second', () => {
    expect(recovery.throughput).toHaveLength(10);
    expect(recovery.throughput[0]).toBe(200);
    expect(recovery.throughput[6]).toBe(100);
  });

  it('takes a service that never came back for a pause to the end', () => {
    const before = answers.filter(({ atMs }) => atMs < 1000);
    const { pauseMs } = recoveryOf(before, { failedMs: 1000, endMs: 2000, requests: 400 });
    expect(pauseMs).toBe(1000);
  });

  it('draws it', () => {
    const series = [{ name: 'S1', throughput: recovery.throughput }];
    expect(chartText(series, 1000)).toContain('killed at 1 s');
    expect(chartSvg(series, 1000)).toMatch(/^<svg [\s\S]*<polyline [\s\S]*<\/svg>\n$/);
  });
});

describe('a simulated failure', () => {
  const failure = { requestsPerSecond: 2000, killed: 3, killAtMs: 600, endMs: 1600 };

  it('lets the service go on, later with S3 than with S1', () => {
    const s1 = simulateFailure({ ...failure, strategy: 'S1' });
    const s3 = simulateFailure({ ...failure, strategy: 'S3' });
    for (const { answered, requests, throughput } of [s1, s3]) {
      expect(answered).toBeGreaterThan(0.98 * requests);
      expect(throughput.at(-1)).toBeGreaterThan(1500);
    }
    expect(s1.pauseMs).toBeGreaterThan(90);
    expect(s3.pauseMs).toBeGreaterThan(s1.pauseMs + 50);
  });
});
