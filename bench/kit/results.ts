import { median, rounded } from '../support/statistics.js';
import type { Figures } from '../transfer/window.js';
import { type WayName, wayNames } from './ways.js';

/** Over the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Processor time for a transfer, in milliseconds. */
export interface ProcessorShares {
  readonly coordinators: number;
  readonly initiators: number;
  /** The two participants, and what stands behind them: a database, services, a gateway. */
  readonly participants: number;
  readonly clients: number;
}

/** What the rounds showed of one way; medians, each figure by itself. */
export interface Summary {
  readonly way: WayName;
  readonly transfersPerSecond: Spread;
  /** Transfers per second, divided by those of the bank in the same round. */
  readonly ratio: Spread;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly processorMs: ProcessorShares;
  /** The sum of `processorMs`. */
  readonly processorMsOfAll: number;
  /** All of a transfer's processor time, divided by that of the bank in the same round. */
  readonly processorRatio: Spread;
}

/** The figures of one round, by way. */
export type Round = ReadonlyMap<WayName, Figures>;

/** Each way that was measured. Throws `RangeError` where one is not there in each round. */
export function summaries(rounds: readonly Round[]): Summary[] {
  const measured = wayNames.filter((way) => rounds.some((round) => round.has(way)));
  return measured.map((way) => summaryOf(way, rounds));
}

function summaryOf(way: WayName, rounds: readonly Round[]): Summary {
  const windows = rounds.map((round) => figuresOf(round, way));
  const over = (figure: (window: Figures) => number) => rounded(median(windows.map(figure)));
  const ratioOf = (figure: (window: Figures) => number) =>
    spread(rounds.map((round) => figure(figuresOf(round, way)) / figure(figuresOf(round, 'bank'))));
  return {
    way,
    transfersPerSecond: spread(windows.map(({ transfersPerSecond }) => transfersPerSecond)),
    ratio: ratioOf(({ transfersPerSecond }) => transfersPerSecond),
    p50Ms: over(({ p50Ms }) => p50Ms),
    p99Ms: over(({ p99Ms }) => p99Ms),
    processorMs: {
      coordinators: over((window) => nodesMs(window, (name) => name.startsWith('coordinator-'))),
      initiators: over((window) => nodesMs(window, (name) => name.startsWith('initiator-'))),
      participants: over((window) =>
        nodesMs(window, (name) => !/^(coordinator|initiator)-/.test(name)),
      ),
      clients: over(({ clientCpuMsPerTransfer }) => clientCpuMsPerTransfer),
    },
    processorMsOfAll: over(allMs),
    processorRatio: ratioOf(allMs),
  };
}

function allMs({ cpuMsPerTransfer, clientCpuMsPerTransfer }: Figures): number {
  return cpuMsPerTransfer + clientCpuMsPerTransfer;
}

function nodesMs({ cpuMsPerTransferByNode }: Figures, counts: (name: string) => boolean): number {
  return Object.entries(cpuMsPerTransferByNode)
    .filter(([name]) => counts(name))
    .reduce((sum, [, ms]) => sum + ms, 0);
}

function figuresOf(round: Round, way: WayName): Figures {
  const figures = round.get(way);
  if (figures === undefined) throw new RangeError(`no figures of ${way}`);
  return figures;
}

function spread(values: readonly number[]): Spread {
  return {
    median: rounded(median(values)),
    min: rounded(Math.min(...values)),
    max: rounded(Math.max(...values)),
  };
}
