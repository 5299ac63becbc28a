import type { RunContext } from '../benchmark.js';
import { type PeakEngine, peakEngines } from './cluster.js';
import type { Latency } from './network.js';
import { measurePoint, type Point, type PointResult } from './point.js';

/** The engines in the same setting. */
export interface Compared extends Point {
  readonly engines: Readonly<Record<PeakEngine, PointResult>>;
}

export function compareAt(
  point: Point,
  latency: Latency,
  { withLowLoad }: { readonly withLowLoad: boolean },
  { progress, signal }: RunContext,
): Compared {
  const results = peakEngines.map((engine) => {
    signal.throwIfAborted();
    const result = measurePoint(engine, point, latency, { withLowLoad });
    progress(
      `n = ${point.n}, depth ${point.depth}, ${point.requestBytes} bytes` +
        `${point.clientsSign ? ', signed' : ''}: ${engine} ${Math.round(result.requestsPerSecond)}/s`,
    );
    return [engine, result] as const;
  });
  return { ...point, engines: Object.fromEntries(results) as Compared['engines'] };
}

/** Requests a second of each, and how many times as much as PBFT Antipaxos does. */
export interface Ratio {
  readonly antipaxos: number;
  readonly fab: number;
  readonly pbft: number;
  readonly ratio: number;
}

export function ratioOf({ engines: { antipaxos, fab, pbft } }: Compared): Ratio {
  const { requestsPerSecond } = antipaxos;
  return {
    antipaxos: requestsPerSecond,
    fab: fab.requestsPerSecond,
    pbft: pbft.requestsPerSecond,
    ratio: requestsPerSecond / pbft.requestsPerSecond,
  };
}

/** What more cycles at once are good for. */
export interface Pipelining {
  readonly depth1: number;
  readonly depth10: number;
  readonly ratio: number;
}

export function pipeliningOf(all: readonly Compared[], engine: PeakEngine): Pipelining {
  const at = (depth: number) =>
    all.find((one) => one.depth === depth)?.engines[engine].requestsPerSecond ?? Number.NaN;
  const [depth1, depth10] = [at(1), at(10)];
  return { depth1, depth10, ratio: depth10 / depth1 };
}
