import { type EngineName, engineNames } from '../kernel/cluster.js';
import type { Resilience } from '../kernel/ids.js';
import { expectedLatencyMs, type OneWayMs } from '../ordering/expected-latency.js';
import { usageError } from './exit.js';

/** Where no round trip is longer, replicas' processors decide and not the way between them. */
export const oneDataCenterMs = 5;

/** An engine, and what a client waits for with each of them, in milliseconds: the mean over the replicas' regions. */
export interface EngineChoice {
  readonly engine: EngineName;
  /** Its clients wait least; or no round trip is longer than `oneDataCenterMs`, and it has the most throughput there. */
  readonly why: 'least-wait' | 'one-data-center';
  readonly meanMs: Readonly<Record<EngineName, number>>;
  /** Where clients would wait less with another coordinator's place as the first, which is the primary's. */
  readonly better?: BetterFirst;
}

/** With the place of this coordinator first, an engine with a primary has a mean less than any as the places are. */
export interface BetterFirst {
  readonly engine: EngineName;
  readonly coordinator: number;
  readonly meanMs: number;
}

const enginesWithPrimary = ['fab', 'pbft'] as const satisfies readonly EngineName[];

/**
 * The engine whose clients wait least over these round trips, in milliseconds: of replicas 0 and 1, 0 and 2, and so on, then 1
 * and 2, ... Within one data center the one with the most throughput. Throws a usage error for another number of them.
 */
export function chooseEngine(
  resilience: Resilience,
  roundTripsMs: readonly number[],
): EngineChoice {
  const oneWayMs = matrixOf(resilience, roundTripsMs);
  const means = engineNames.map(
    (engine) => [engine, meanOf(engine, resilience, oneWayMs)] as const,
  );
  const meanMs = Object.fromEntries(means) as EngineChoice['meanMs'];
  if (Math.max(...roundTripsMs) <= oneDataCenterMs) {
    return { engine: 'antipaxos', why: 'one-data-center', meanMs };
  }
  const [best, leastMs] = means.reduce((least, one) => (one[1] < least[1] ? one : least));
  const better = bestFirst(resilience, oneWayMs);
  const isBetter = better.meanMs < leastMs - noticedMs;
  return { engine: best, why: 'least-wait', meanMs, ...(isBetter && { better }) };
}

/** By less than that no order of the places is better than another: it is what the output shows. */
const noticedMs = 0.1;

/** The first place, of engines with a primary, by which clients wait least. */
function bestFirst(resilience: Resilience, oneWayMs: OneWayMs): BetterFirst {
  const all = enginesWithPrimary.flatMap((engine) =>
    oneWayMs.map((_, coordinator) => {
      const meanMs = meanOf(engine, resilience, withFirst(oneWayMs, coordinator));
      return { engine, coordinator, meanMs };
    }),
  );
  return all.reduce((least, one) => (one.meanMs < least.meanMs ? one : least));
}

/** The same ways where this replica comes first, and the others after it as they were. */
function withFirst(oneWayMs: OneWayMs, first: number): OneWayMs {
  const order = [first, ...[...oneWayMs.keys()].filter((replica) => replica !== first)];
  return order.map((from) => order.map((to) => oneWayMs[from]?.[to] ?? 0));
}

function meanOf(engine: EngineName, resilience: Resilience, oneWayMs: OneWayMs): number {
  const latencies = expectedLatencyMs(engine, resilience, oneWayMs);
  return latencies.reduce((sum, ms) => sum + ms, 0) / latencies.length;
}

function matrixOf({ n }: Resilience, roundTripsMs: readonly number[]): OneWayMs {
  const wanted = (n * (n - 1)) / 2;
  if (roundTripsMs.length !== wanted) {
    throw usageError(
      `--round-trips has ${roundTripsMs.length} times for ${n} coordinators, which have ${wanted} ways between ` +
        'them: of 0 and 1, 0 and 2, ..., then of 1 and 2, ..., in milliseconds, with commas between',
    );
  }
  const matrix = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const left = [...roundTripsMs];
  for (let a = 0; a < n; a += 1) {
    for (let b = a + 1; b < n; b += 1) {
      const oneWay = (left.shift() ?? 0) / 2;
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        const row = matrix[from];
        if (row) row[to] = oneWay;
      }
    }
  }
  return matrix;
}
