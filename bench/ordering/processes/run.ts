import { setTimeout as sleep } from 'node:timers/promises';
import { BenchmarkError, type RunContext } from '../../benchmark.js';
import { median } from '../../support/statistics.js';
import type { Contender, LoadedGroup } from './contenders.js';
import type { LoadSettings, Window } from './control.js';
import type { ProcessorReading } from './group.js';

export interface ProcessSettings {
  readonly seconds: number;
  readonly rounds: number;
  readonly depth: number;
  readonly loads: readonly LoadSettings[];
  /** Of each load that has more than one client; before anything is measured. */
  readonly warmUpSeconds: number;
  /** Between each client's first answer and a window. */
  readonly settleMs: number;
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

/** Of each contender, by its name. */
type ByName<Value> = Readonly<Record<string, Value>>;

export interface ProcessResult extends LoadSettings {
  readonly engines: ByName<ProcessFigures>;
  /** Requests a second of each round. */
  readonly rounds: ByName<readonly number[]>;
}

export interface ProcessResults {
  readonly results: readonly ProcessResult[];
  readonly executed: ByName<number>;
  /** Cycles, or sequence numbers, that it took. */
  readonly positions: ByName<number>;
  /** Slow cycles, and views after the first: 0 unless a process waited very long for a processor. */
  readonly troubles: ByName<number>;
}

const usualSettleMs = 500;
/** A window is so many times as long at the most. */
const lengthMax = 15;
/** So many that sign: each waits for longer than a second, so a window is twice as long. */
const manySigning = 6400;

/** Starts all contenders' processes and measures them in turn, load by load and round by round. */
export async function measureProcesses(
  contenders: readonly Contender[],
  settings: ProcessSettings,
  { signal, progress }: RunContext,
): Promise<ProcessResults> {
  const groups: NamedGroup[] = [];
  const died = new AbortController();
  const ended = AbortSignal.any([signal, died.signal]);
  try {
    for (const { name, start } of contenders) {
      ended.throwIfAborted();
      progress(`starting four replicas with ${name} ...`);
      const group = await start({ depth: settings.depth }, (error) => died.abort(error));
      groups.push({ name, group });
    }
    return await measureAll(groups, settings, { signal: ended, progress });
  } catch (error) {
    throw ended.aborted ? ended.reason : error;
  } finally {
    await Promise.all(groups.map(({ group }) => group.stop()));
  }
}

interface NamedGroup {
  readonly name: string;
  readonly group: LoadedGroup;
}

async function measureAll(
  groups: readonly NamedGroup[],
  { seconds, rounds, loads, warmUpSeconds, settleMs }: ProcessSettings,
  { signal, progress }: RunContext,
): Promise<ProcessResults> {
  const windows = new Map<string, ProcessFigures[]>();
  for (const { name, group } of groups) {
    progress(`warming up ${name} ...`);
    for (const load of loads) {
      if (load.clients > 1) await measure(group, load, warmUpSeconds, signal, settleMs);
    }
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const load of loads) {
      // Who is first changes, in case it matters.
      for (const { name, group } of round % 2 === 1 ? groups : groups.toReversed()) {
        const figures = await measure(group, load, seconds * timesOf(load), signal, settleMs);
        const key = keyOf(name, load);
        windows.set(key, [...(windows.get(key) ?? []), figures]);
        progress(`round ${round}/${rounds}  ${lineOf(name, load, figures)}`);
      }
    }
  }
  const states = await Promise.all(
    groups.map(async ({ name, group }) => [name, await group.agreedState()] as const),
  );
  const windowsOf = (name: string, load: LoadSettings) => windows.get(keyOf(name, load)) ?? [];
  const byName = <Value>(of: (name: string) => Value): ByName<Value> =>
    Object.fromEntries(groups.map(({ name }) => [name, of(name)]));
  return {
    results: loads.map((load) => ({
      ...load,
      engines: byName((name) => mediansOf(windowsOf(name, load))),
      rounds: byName((name) =>
        windowsOf(name, load).map(({ requestsPerSecond }) => requestsPerSecond),
      ),
    })),
    executed: Object.fromEntries(states.map(([name, { executed }]) => [name, executed])),
    positions: Object.fromEntries(states.map(([name, { position }]) => [name, position])),
    troubles: Object.fromEntries(states.map(([name, { troubles }]) => [name, troubles])),
  };
}

/** What one contender did under a load. Throws `RangeError` where it was not measured. */
export function figuresOf({ engines }: ProcessResult, name: string): ProcessFigures {
  const figures = engines[name];
  if (!figures) throw new RangeError(name);
  return figures;
}

/** One window, which is longer where nothing is answered within it. Other groups are idle meanwhile. */
export async function measure(
  group: LoadedGroup,
  load: LoadSettings,
  seconds: number,
  signal: AbortSignal,
  settleMs = usualSettleMs,
): Promise<ProcessFigures> {
  await group.load(load);
  await sleep(settleMs, undefined, { signal });
  const before = group.processorTimes();
  await group.begin();
  let window: Window;
  let length = 0;
  do {
    if (length === lengthMax) {
      throw new BenchmarkError(
        `${group.engine}: nothing was answered within ${seconds * length} s`,
      );
    }
    length += 1;
    await sleep(seconds * 1000, undefined, { signal });
    window = await group.end();
  } while (window.requests === 0);
  const after = group.processorTimes();
  await group.quiet();
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

function timesOf({ sign, clients }: LoadSettings): number {
  return sign && clients >= manySigning ? 2 : 1;
}

function keyOf(name: string, load: LoadSettings): string {
  return `${name} ${load.clients} ${load.requestBytes} ${signedText(load)}`;
}

/** How the requests of a load are signed, in a word or two. */
export function signedText({ sign, operations = 1 }: LoadSettings): string {
  if (!sign) return 'no';
  return operations === 1 ? 'yes' : `by ${operations}`;
}

function lineOf(name: string, load: LoadSettings, figures: ProcessFigures): string {
  const { clients, requestBytes } = load;
  const { requestsPerSecond, p50Ms, p99Ms, replicasUsPerRequest, clientsUsPerRequest } = figures;
  return (
    `${String(clients).padStart(4)} clients  ${String(requestBytes).padStart(4)} bytes  ` +
    `signed: ${signedText(load).padEnd(5)}  ${name.padEnd(9)}  ${requestsPerSecond.toFixed(0)}/s  ` +
    `p50 ${p50Ms.toFixed(1)} ms  p99 ${p99Ms.toFixed(1)} ms  ` +
    `${replicasUsPerRequest.toFixed(1)} + ${clientsUsPerRequest.toFixed(1)} us`
  );
}
