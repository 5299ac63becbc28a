import { getHeapStatistics } from 'node:v8';
import type { RunContext } from '../benchmark.js';
import { type EngineName, engineNames } from '../simulated/cluster.js';
import { type Compared, compareAt, type Pipelining, pipeliningOf } from '../simulated/compare.js';
import { type MessageDelays, messageDelays } from '../simulated/delays.js';
import type { Point } from '../simulated/point.js';
import { localArea, regions } from '../simulated/regions.js';
import { compareWideArea } from '../wan/command.js';

export interface SimulatedResults {
  /** All settings, the usual one of each size first. */
  readonly points: readonly Compared[];
  /** Of Antipaxos over seven regions, and of both within one data centre at the least size. */
  readonly pipelining: Pipelining;
  readonly messageDelays: Readonly<Record<EngineName, MessageDelays>>;
}

/** Antipaxos' authors used requests of 500 bytes, which servers sign in batches, and ten cycles at once. */
export const usual = { depth: 10, requestBytes: 500, clientsSign: false } as const;

const sizes = [4, 7, 16, 31, 56];
const quickSizes = [4, 16];
/** These sizes are measured in other settings, too. */
const detailed = [4, 56];
const manyReplicas = 16;
/** With 56 the model of ezBFT, where each replica keeps a log of each, needs some 8 GiB of memory. */
const largeHeapBytes = 12 * 1024 ** 3;
const ezbftReplicas = getHeapStatistics().heap_size_limit > largeHeapBytes ? 56 : 31;

export function runSimulated(quick: boolean, context: RunContext): SimulatedResults {
  const points = gridOf(quick).map((point) => {
    const isSmall = point.n <= manyReplicas;
    const options = {
      withLowLoad: isSmall,
      withEzbft: isSmall || (isUsual(point) && point.n <= ezbftReplicas),
    };
    return compareAt(point, localArea, options, context);
  });
  const wide = compareWideArea([regions.length], context);
  const delays = engineNames.map((engine) => [engine, messageDelays(engine, 4)] as const);
  return {
    points,
    pipelining: pipeliningOf(wide, 'antipaxos'),
    messageDelays: Object.fromEntries(delays) as SimulatedResults['messageDelays'],
  };
}

function isUsual({ depth, requestBytes, clientsSign }: Point): boolean {
  return depth === usual.depth && requestBytes === usual.requestBytes && !clientsSign;
}

/** The comparison in the usual setting at each size. */
export function usualPoints({ points }: SimulatedResults): Compared[] {
  return points.filter(isUsual);
}

function gridOf(quick: boolean): Point[] {
  const points = (quick ? quickSizes : sizes).map((n) => ({ n, ...usual }));
  const others = quick
    ? []
    : detailed.flatMap((n) => [
        { n, ...usual, depth: 1 },
        { n, ...usual, requestBytes: 0 },
        { n, ...usual, requestBytes: 1024 },
        { n, ...usual, requestBytes: 0, clientsSign: true },
        { n, ...usual, clientsSign: true },
        { n, ...usual, requestBytes: 1024, clientsSign: true },
      ]);
  return [...points, ...others];
}
