import { type ClusterSettings, type EngineName, SimulatedCluster } from './cluster.js';
import { noCosts } from './costs.js';

/** How long a request takes where nothing but the way from one replica to another takes any time. */
export interface MessageDelays {
  /** All replicas propose at the same time: with PBFT the primary alone. */
  readonly together: number;
  /** One replica alone has a request: the first, and the second, which is not PBFT's first primary. */
  readonly aloneAtFirst: number;
  readonly aloneAtSecond: number;
}

const delayMs = 1;

export function messageDelays(engine: EngineName, n: number): MessageDelays {
  return {
    together: delaysOf(engine, n, 'proposers'),
    aloneAtFirst: delaysOf(engine, n, [0]),
    aloneAtSecond: delaysOf(engine, n, [1]),
  };
}

function delaysOf(engine: EngineName, n: number, at: readonly number[] | 'proposers'): number {
  const settings: ClusterSettings = {
    engine,
    n,
    depth: 1,
    requestBytes: 0,
    clientsSign: false,
    latency: () => delayMs,
    costs: noCosts,
    batchDelayMs: 0,
  };
  const cluster = new SimulatedCluster(settings);
  let slowest = 0;
  cluster.onAnswer = (_replica, _requests, latencyMs) => {
    slowest = Math.max(slowest, latencyMs);
  };
  for (const replica of at === 'proposers' ? cluster.proposers : at) cluster.submit(replica);
  cluster.queue.runTo(100 * delayMs);
  return slowest / delayMs;
}
