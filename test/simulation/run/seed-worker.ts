import { parentPort, workerData } from 'node:worker_threads';
import type { SeedResult } from './batch.js';
import { type Choice, drawCourse } from './families.js';

/** Runs the seeds that come as messages, and answers each with its result. */
const choice = workerData as Choice;

parentPort?.on('message', (seed: number) => {
  const startMs = performance.now();
  const { violations, coverage, fingerprint } = run(seed);
  const cpuMs = performance.now() - startMs;
  const result: SeedResult = { seed, violations, coverage, fingerprint, cpuMs };
  parentPort?.postMessage(result);
});

/** An error is the simulator's own: what a core throws counts as a violation. */
function run(seed: number) {
  try {
    return drawCourse(choice, seed).run();
  } catch (error) {
    throw new Error(`the simulator failed at seed ${seed}`, { cause: error });
  }
}
