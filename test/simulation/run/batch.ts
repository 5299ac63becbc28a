import { Worker } from 'node:worker_threads';
import { Coverage } from '../kit/coverage.js';
import type { Violation } from '../kit/violation.js';
import type { Choice } from './families.js';

/** What is left of one seed's report when it comes out of its worker. */
export interface SeedResult {
  readonly seed: number;
  readonly violations: readonly Violation[];
  readonly coverage: readonly (readonly [string, number])[];
  readonly fingerprint: number;
  readonly cpuMs: number;
}

export interface BatchOptions {
  readonly from: number;
  readonly to: number;
  readonly choice: Choice;
  readonly workers: number;
  /** Called after each seed. */
  readonly onResult: (result: SeedResult, done: number) => void;
}

export interface BatchSummary {
  readonly failed: readonly SeedResult[];
  readonly coverage: Coverage;
  /** Different courses of events. */
  readonly schedules: number;
  readonly cpuMs: number;
}

/** Runs the seeds on so many threads. Rejects where a thread dies. */
export async function runBatch(options: BatchOptions): Promise<BatchSummary> {
  const { from, to, choice, workers, onResult } = options;
  const failed: SeedResult[] = [];
  const coverage = new Coverage();
  const schedules = new Set<number>();
  let next = from;
  let done = 0;
  let cpuMs = 0;

  const take = (result: SeedResult): void => {
    done += 1;
    cpuMs += result.cpuMs;
    schedules.add(result.fingerprint);
    coverage.addRun(result.coverage);
    if (result.violations.length > 0) failed.push(result);
    onResult(result, done);
  };

  const runWorker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./seed-worker.js', import.meta.url), {
        workerData: choice,
      });
      const ask = (): void => {
        if (next > to) return void worker.terminate().then(() => resolve(), reject);
        worker.postMessage(next);
        next += 1;
      };
      worker.on('message', (result: SeedResult) => {
        take(result);
        ask();
      });
      worker.on('error', reject);
      ask();
    });

  await Promise.all(Array.from({ length: Math.min(workers, to - from + 1) }, runWorker));
  failed.sort((a, b) => a.seed - b.seed);
  return { failed, coverage, schedules: schedules.size, cpuMs };
}
