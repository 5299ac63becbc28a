import type { RunContext } from '../benchmark.js';
import { type EngineName, engineNames } from './cluster.js';
import type { Latency } from './network.js';
import { measurePoint, type Point, type PointResult } from './point.js';

/** The engines in the same setting. */
export interface Compared extends Point {
  readonly engines: Results;
}

/** `ezbft` is left out where its model takes minutes. */
type Results = Readonly<
  Record<Exclude<EngineName, 'ezbft'>, PointResult> & Partial<Record<'ezbft', PointResult>>
>;

interface CompareOptions {
  readonly withLowLoad: boolean;
  readonly withEzbft: boolean;
}

export function compareAt(
  point: Point,
  latency: Latency,
  { withLowLoad, withEzbft }: CompareOptions,
  { progress, signal }: RunContext,
): Compared {
  const engines = engineNames.filter((engine) => withEzbft || engine !== 'ezbft');
  const results = engines.map((engine) => {
    signal.throwIfAborted();
    const result = measurePoint(engine, point, latency, { withLowLoad });
    progress(
      `n = ${point.n}, depth ${point.depth}, ${point.requestBytes} bytes` +
        `${point.clientsSign ? ', signed' : ''}: ${engine} ${Math.round(result.requestsPerSecond)}/s`,
    );
    return [engine, result] as const;
  });
  return { ...point, engines: Object.fromEntries(results) as Results };
}

/** Requests a second of each, and how many times as much as PBFT Antipaxos does. */
export interface Ratio {
  readonly antipaxos: number;
  /** `null` where it was not measured. */
  readonly ezbft: number | null;
  readonly fab: number;
  readonly pbft: number;
  readonly ratio: number;
}

export function ratioOf({ engines: { antipaxos, ezbft, fab, pbft } }: Compared): Ratio {
  const { requestsPerSecond } = antipaxos;
  return {
    antipaxos: requestsPerSecond,
    ezbft: ezbft?.requestsPerSecond ?? null,
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

export function pipeliningOf(all: readonly Compared[], engine: EngineName): Pipelining {
  const at = (depth: number) =>
    all.find((one) => one.depth === depth)?.engines[engine]?.requestsPerSecond ?? Number.NaN;
  const [depth1, depth10] = [at(1), at(10)];
  return { depth1, depth10, ratio: depth10 / depth1 };
}
