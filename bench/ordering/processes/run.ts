import { setTimeout as sleep } from 'node:timers/promises';
import { BenchmarkError, type RunContext } from '../../benchmark.js';
import { type EngineName, engineNames } from '../../simulated/cluster.js';
import { median } from '../../support/statistics.js';
import type { LoadSettings } from './control.js';
import { Group, type ProcessorReading } from './group.js';

export interface ProcessSettings {
  readonly seconds: number;
  readonly rounds: number;
  readonly depth: number;
  readonly loads: readonly LoadSettings[];
}

/** What the windows of one engine under one load showed; medians, each figure by itself. */
export interface ProcessFigures {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time for a request: of the busiest replica, of all replicas, and of the clients. */
  readonly busiestUsPerRequest: number;
  readonly replicasUsPerRequest: number;
  readonly clientsUsPerRequest: number;
  /** What the busiest replica could do with a processor of its own. */
  readonly requestsPerProcessorSecond: number;
}

export interface ProcessResult extends LoadSettings {
  readonly engines: Readonly<Record<EngineName, ProcessFigures>>;
}

export interface ProcessResults {
  readonly results: readonly ProcessResult[];
  readonly executed: Readonly<Record<EngineName, number>>;
  /** Cycles, or sequence numbers, that it took. */
  readonly positions: Readonly<Record<EngineName, number>>;
  /** Slow cycles, and views after the first: 0 unless a process waited very long for a processor. */
  readonly troubles: Readonly<Record<EngineName, number>>;
}

const warmUpSeconds = 3;
const settleMs = 500;

/** Starts all engines' processes and measures them in turn, load by load and round by round. */
export async function measureProcesses(
  settings: ProcessSettings,
  { signal, progress }: RunContext,
): Promise<ProcessResults> {
  const groups: Group[] = [];
  const died = new AbortController();
  const ended = AbortSignal.any([signal, died.signal]);
  try {
    for (const engine of engineNames) {
      ended.throwIfAborted();
      progress(`starting four replicas with ${engine} ...`);
      groups.push(await Group.start(engine, settings, (error) => died.abort(error)));
    }
    return await measureAll(groups, settings, { signal: ended, progress });
  } catch (error) {
    throw ended.aborted ? ended.reason : error;
  } finally {
    await Promise.all(groups.map((group) => group.stop()));
  }
}

async function measureAll(
  groups: readonly Group[],
  { seconds, rounds, loads }: ProcessSettings,
  { signal, progress }: RunContext,
): Promise<ProcessResults> {
  const windows = new Map<string, ProcessFigures[]>();
  for (const group of groups) {
    progress(`warming up ${group.engine} ...`);
    for (const load of loads) await measure(group, load, warmUpSeconds, signal);
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const load of loads) {
      // Who is first changes, in case it matters.
      for (const group of round % 2 === 1 ? groups : groups.toReversed()) {
        const figures = await measure(group, load, seconds, signal);
        const key = keyOf(group.engine, load);
        windows.set(key, [...(windows.get(key) ?? []), figures]);
        progress(`round ${round}/${rounds}  ${lineOf(group.engine, load, figures)}`);
      }
    }
  }
  const states = await Promise.all(
    groups.map(async (group) => [group.engine, await group.agreedState()] as const),
  );
  const medians = (engine: EngineName, load: LoadSettings) =>
    mediansOf(windows.get(keyOf(engine, load)) ?? []);
  return {
    results: loads.map((load) => ({
      ...load,
      engines: byEngine((engine) => medians(engine, load)),
    })),
    executed: byEngine((engine) => stateOf(engine).executed),
    positions: byEngine((engine) => stateOf(engine).position),
    troubles: byEngine((engine) => stateOf(engine).troubles),
  };

  function stateOf(engine: EngineName) {
    const state = states.find(([name]) => name === engine)?.[1];
    if (!state) throw new RangeError(engine);
    return state;
  }
}

/** One window. Other groups are idle meanwhile. */
export async function measure(
  group: Group,
  load: LoadSettings,
  seconds: number,
  signal: AbortSignal,
): Promise<ProcessFigures> {
  await group.load(load);
  await sleep(settleMs, undefined, { signal });
  const before = group.processorTimes();
  await group.begin();
  await sleep(seconds * 1000, undefined, { signal });
  const window = await group.end();
  const after = group.processorTimes();
  await group.quiet();
  if (window.requests === 0) {
    throw new BenchmarkError(`${group.engine}: nothing was answered within ${seconds} s`);
  }
  const { p50Ms, p99Ms } = window;
  // Each operation counts, as each is what its client wants done.
  const requests = window.requests * (load.operations ?? 1);
  return {
    requestsPerSecond: requests / window.seconds,
    p50Ms,
    p99Ms,
    ...processorFigures(before, after, requests),
  };
}

function processorFigures(before: ProcessorReading, after: ProcessorReading, requests: number) {
  const usedMs = after.replicas.map((ms, index) => ms - (before.replicas[index] ?? 0));
  const busiestMs = Math.max(...usedMs);
  const ofAll = usedMs.reduce((sum, ms) => sum + ms, 0);
  return {
    busiestUsPerRequest: (busiestMs * 1000) / requests,
    replicasUsPerRequest: (ofAll * 1000) / requests,
    clientsUsPerRequest: ((after.clients - before.clients) * 1000) / requests,
    requestsPerProcessorSecond: requests / (busiestMs / 1000),
  };
}

function mediansOf(windows: readonly ProcessFigures[]): ProcessFigures {
  const of = (key: keyof ProcessFigures) => median(windows.map((window) => window[key]));
  return {
    requestsPerSecond: of('requestsPerSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    busiestUsPerRequest: of('busiestUsPerRequest'),
    replicasUsPerRequest: of('replicasUsPerRequest'),
    clientsUsPerRequest: of('clientsUsPerRequest'),
    requestsPerProcessorSecond: of('requestsPerProcessorSecond'),
  };
}

function byEngine<Value>(of: (engine: EngineName) => Value): Readonly<Record<EngineName, Value>> {
  return { antipaxos: of('antipaxos'), ezbft: of('ezbft'), fab: of('fab'), pbft: of('pbft') };
}

function keyOf(engine: EngineName, load: LoadSettings): string {
  return `${engine} ${load.clients} ${load.requestBytes} ${signedText(load)}`;
}

/** How the requests of a load are signed, in a word or two. */
export function signedText({ sign, operations = 1 }: LoadSettings): string {
  if (!sign) return 'no';
  return operations === 1 ? 'yes' : `by ${operations}`;
}

function lineOf(engine: EngineName, load: LoadSettings, figures: ProcessFigures): string {
  const { clients, requestBytes } = load;
  const { requestsPerSecond, p50Ms, p99Ms, replicasUsPerRequest, clientsUsPerRequest } = figures;
  return (
    `${String(clients).padStart(4)} clients  ${String(requestBytes).padStart(4)} bytes  ` +
    `signed: ${signedText(load).padEnd(5)}  ${engine.padEnd(9)}  ${requestsPerSecond.toFixed(0)}/s  ` +
    `p50 ${p50Ms.toFixed(1)} ms  p99 ${p99Ms.toFixed(1)} ms  ` +
    `${replicasUsPerRequest.toFixed(1)} + ${clientsUsPerRequest.toFixed(1)} us`
  );
}
