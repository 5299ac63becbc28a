import type { ExclusionStrategy } from '../../src/ordering/core/antipaxos/state.js';
import { percentile } from '../support/statistics.js';

export interface Failure {
  readonly strategy: ExclusionStrategy;
  readonly requestsPerSecond: number;
  /** The replica that is killed, and when. */
  readonly killed: number;
  readonly killAtMs: number;
  readonly endMs: number;
}

/** A request that was answered: when, and how long after it was handed in. */
export interface Answer {
  readonly atMs: number;
  readonly latencyMs: number;
  readonly requests: number;
}

/** What a failure did to the service. */
export interface Recovery {
  /** The longest time without an answer, from the failure on. */
  readonly pauseMs: number;
  /** From the failure until requests take no longer than they did before it, for good. */
  readonly recoveryMs: number;
  /** The longest that a request took. */
  readonly slowestMs: number;
  /** Answers a second in each slice of time from the start. */
  readonly throughput: readonly number[];
  readonly requests: number;
  readonly answered: number;
}

export const sliceMs = 200;
/** As slow as before: the 99th percentile of before, and as much again. */
const tolerance = 2;

/** Throughput in slices of 0.2 s, as figure 3 of Antipaxos has it, and what becomes of a failure. */
export function recoveryOf(
  answers: readonly Answer[],
  { failedMs, endMs, requests }: { failedMs: number; endMs: number; requests: number },
): Recovery {
  const before = answers.filter(({ atMs }) => atMs < failedMs);
  const after = answers.filter(({ atMs }) => atMs >= failedMs);
  const usualMs = percentile(
    before.map(({ latencyMs }) => latencyMs),
    99,
  );
  const slow = after.filter(({ latencyMs }) => latencyMs > tolerance * usualMs);
  const lastSlowMs = slow.reduce((last, { atMs }) => Math.max(last, atMs), failedMs);
  let pauseMs = 0;
  let beforeMs = failedMs;
  for (const { atMs } of after) {
    pauseMs = Math.max(pauseMs, atMs - beforeMs);
    beforeMs = atMs;
  }
  return {
    pauseMs: Math.max(pauseMs, endMs - beforeMs),
    recoveryMs: lastSlowMs - failedMs,
    slowestMs: after.reduce((most, { latencyMs }) => Math.max(most, latencyMs), 0),
    throughput: throughputOf(answers, endMs),
    requests,
    answered: answers.reduce((sum, answer) => sum + answer.requests, 0),
  };
}

function throughputOf(answers: readonly Answer[], endMs: number): number[] {
  const slices = new Array<number>(Math.ceil(endMs / sliceMs)).fill(0);
  for (const { atMs, requests } of answers) {
    const slice = Math.floor(atMs / sliceMs);
    slices[slice] = (slices[slice] ?? 0) + (requests * 1000) / sliceMs;
  }
  return slices;
}
