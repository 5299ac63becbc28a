import { median, rounded } from '../support/statistics.js';
import { type SystemName, systemNames } from './system.js';
import type { Figures, Point } from './window.js';

/** The medians over all rounds, each figure by itself, for one amount of load. */
export interface Summary extends Point, Omit<Figures, 'transfers'> {
  /** Of the nodes, who used the most processor time. */
  readonly busiestProcess: string;
  /** That ended in a window. */
  readonly transfersPerWindow: number;
}

/** With fewer in a window a transfer more or less moves its figures by more than 2 %. */
const enoughPerWindow = 50;

/** A line for people where a window had few transfers, and so says little. */
export function fewTransfersWarning(
  summaries: readonly Pick<Summary, 'transfersPerWindow'>[],
): string[] {
  const least = Math.min(...summaries.map(({ transfersPerWindow }) => transfersPerWindow));
  if (least >= enoughPerWindow) return [];
  return [
    `Few transfers: a window had ${least} of them, and says little with fewer than ${enoughPerWindow}; give it more --seconds.\n`,
  ];
}

/** Both systems at the same amount of load. */
export type Comparison = Point & Readonly<Record<SystemName, Summary>>;

/** The windows of one run, by system and amount of load. */
export class Results<Name extends string> {
  readonly #windows = new Map<string, Figures[]>();

  add(system: Name, point: Point, figures: Figures): void {
    const key = keyOf(system, point);
    this.#windows.set(key, [...(this.#windows.get(key) ?? []), figures]);
  }

  /** What was added, in its order. */
  windows(system: Name, point: Point): readonly Figures[] {
    return this.#windows.get(keyOf(system, point)) ?? [];
  }

  summary(system: Name, point: Point): Summary {
    return summarize(point, this.windows(system, point));
  }
}

/** Both systems at the same amount of load. */
export function compare(results: Results<SystemName>, point: Point): Comparison {
  return {
    ...point,
    bft: results.summary('bft', point),
    unreplicated: results.summary('unreplicated', point),
  };
}

/** For each system the comparison in which it makes the most transfers a second. */
export function best(comparisons: readonly Comparison[]): Record<SystemName, Summary> {
  const of = (system: SystemName) =>
    comparisons
      .map((comparison) => comparison[system])
      .reduce((a, b) => (b.transfersPerSecond > a.transfersPerSecond ? b : a));
  const [bft, unreplicated] = systemNames;
  return { [bft]: of(bft), [unreplicated]: of(unreplicated) };
}

function summarize(point: Point, windows: readonly Figures[]): Summary {
  const over = (figure: (window: Figures) => number) => rounded(median(windows.map(figure)));
  const nodes = Object.keys(windows[0]?.cpuMsPerTransferByNode ?? {});
  const byNode = Object.fromEntries(
    nodes.map((name) => [name, over((window) => window.cpuMsPerTransferByNode[name] ?? 0)]),
  );
  const [busiest] = Object.entries(byNode).sort(([, a], [, b]) => b - a);
  return {
    transfersPerSecond: over((window) => window.transfersPerSecond),
    p50Ms: over((window) => window.p50Ms),
    p99Ms: over((window) => window.p99Ms),
    cpuMsPerTransfer: over((window) => window.cpuMsPerTransfer),
    busiestProcessCpuMsPerTransfer: over((window) => window.busiestProcessCpuMsPerTransfer),
    ...point,
    meanMs: over((window) => window.meanMs),
    activationMs: over((window) => window.activationMs),
    twoPhaseCommitMs: over((window) => window.twoPhaseCommitMs),
    busiestProcess: busiest?.[0] ?? '',
    transfersPerWindow: over((window) => window.transfers),
    clientCpuMsPerTransfer: over((window) => window.clientCpuMsPerTransfer),
    cpuMsPerTransferByNode: byNode,
  };
}

function keyOf(system: string, { clients, participants }: Point): string {
  return `${system} ${clients} ${participants}`;
}
