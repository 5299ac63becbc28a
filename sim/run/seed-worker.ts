import { parentPort, workerData } from 'node:worker_threads';
import { drawPlan, type Scenario } from '../plan/draw-plan.js';
import type { SeedResult } from './batch.js';
import { simulate } from './simulate.js';

/** Runs the seeds that come as messages, and answers each with its result. */
const scenario = workerData as Scenario;

parentPort?.on('message', (seed: number) => {
  const startMs = performance.now();
  const { violations, coverage, fingerprint } = simulate(drawPlan(seed, scenario));
  const cpuMs = performance.now() - startMs;
  const result: SeedResult = { seed, violations, coverage, fingerprint, cpuMs };
  parentPort?.postMessage(result);
});
