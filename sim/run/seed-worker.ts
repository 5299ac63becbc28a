import { parentPort, workerData } from 'node:worker_threads';
import { drawPlan, type Scenario } from '../plan/draw-plan.js';
import type { SeedResult } from './batch.js';
import { simulate } from './simulate.js';

/** Runs the seeds that come as messages, and answers each with its result. */
const scenario = workerData as Scenario;

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
    return simulate(drawPlan(seed, scenario));
  } catch (error) {
    throw new Error(`the simulator failed at seed ${seed}`, { cause: error });
  }
}
