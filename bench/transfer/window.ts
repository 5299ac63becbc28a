import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../../src/kernel/cluster.js';
import { BenchmarkError, type RunContext } from '../benchmark.js';
import { type Completion, underLoad } from '../support/closed-loop.js';
import type { ProfiledProcess } from '../support/profile/window-profiler.js';
import { mean, percentile } from '../support/statistics.js';
import { meanBetween, primaryStatus } from './coordinator-status.js';

/** How much load, and on how many banks. */
export interface Point {
  readonly clients: number;
  readonly participants: number;
}

/** Processor time used so far, in milliseconds, of each node by name, and of the clients' process. */
export interface ProcessorReading {
  readonly nodes: ReadonlyMap<string, number>;
  readonly clientMs: number;
}

/** What is put under load. */
export interface Measured {
  readonly name: string;
  readonly cluster: Cluster;
  /** Makes one transfer among so many participants. Throws `BenchmarkError` unless it is committed. */
  transfer(participants: number): Promise<void>;
  processorTimes(): ProcessorReading;
  /** Its processes that run Node, without this one. */
  processes(): readonly ProfiledProcess[];
}

/** What one window of time showed. Per transfer where it says so. */
export interface Figures {
  readonly transfers: number;
  readonly transfersPerSecond: number;
  /** End to end, at the client. */
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Means, at the primary: from the first request for it to the answer, its agreement included. */
  readonly activationMs: number;
  readonly twoPhaseCommitMs: number;
  /** Of all nodes together; without the clients. */
  readonly cpuMsPerTransfer: number;
  readonly busiestProcessCpuMsPerTransfer: number;
  /** The benchmark's own process, which is all the clients. */
  readonly clientCpuMsPerTransfer: number;
  readonly cpuMsPerTransferByNode: Readonly<Record<string, number>>;
}

/**
 * Puts a system under load and, once every client has had an answer, watches it for so long; within the profiler,
 * where there is one.
 */
export function measure(
  system: Measured,
  { clients, participants }: Point,
  windowMs: number,
  { signal, profiler }: Pick<RunContext, 'signal' | 'profiler'>,
): Promise<Figures> {
  const request = () => system.transfer(participants);
  return underLoad({ clients, request }, (completed) => {
    const watched = () => watch(system, completed, windowMs, signal);
    return profiler?.during(system.name, system.processes(), watched) ?? watched();
  });
}

async function watch(
  system: Measured,
  completed: readonly Completion[],
  windowMs: number,
  signal: AbortSignal,
): Promise<Figures> {
  const before = await primaryStatus(system.cluster);
  const processorBefore = system.processorTimes();
  const startMs = performance.now();
  await sleep(windowMs, undefined, { signal });
  const endMs = performance.now();
  const processorAfter = system.processorTimes();
  const after = await primaryStatus(system.cluster);
  const within = completed.filter(({ endedMs }) => endedMs > startMs && endedMs <= endMs);
  if (within.length === 0) {
    throw new BenchmarkError(
      `${system.name}: no transfer ended within ${windowMs} ms; give it more --seconds`,
    );
  }
  return {
    ...times(within, endMs - startMs),
    activationMs: meanBetween(before, after, 'activation'),
    twoPhaseCommitMs: meanBetween(before, after, 'twoPhaseCommit'),
    ...processorFigures(processorBefore, processorAfter, within.length),
  };
}

function times(within: readonly Completion[], tookMs: number) {
  const latencies = within.map(({ latencyMs }) => latencyMs);
  return {
    transfers: within.length,
    transfersPerSecond: (within.length / tookMs) * 1000,
    meanMs: mean(latencies),
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
  };
}

function processorFigures(before: ProcessorReading, after: ProcessorReading, transfers: number) {
  const byNode = Object.fromEntries(
    [...after.nodes].map(([name, usedMs]) => [
      name,
      (usedMs - (before.nodes.get(name) ?? 0)) / transfers,
    ]),
  );
  const each = Object.values(byNode);
  return {
    cpuMsPerTransfer: each.reduce((sum, value) => sum + value, 0),
    busiestProcessCpuMsPerTransfer: Math.max(...each),
    clientCpuMsPerTransfer: (after.clientMs - before.clientMs) / transfers,
    cpuMsPerTransferByNode: byNode,
  };
}
