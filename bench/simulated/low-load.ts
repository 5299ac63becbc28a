import { median } from '../support/statistics.js';
import { type ClusterSettings, SimulatedCluster } from './cluster.js';

const requestsBefore = 20;
const requests = 21;

/** Median latency, in milliseconds, of requests that come one at a time, at each proposer in turn. */
export function lowLoadLatencyMs(settings: ClusterSettings): number {
  const cluster = new SimulatedCluster({ ...settings, bundle: 1 });
  const latencies: number[] = [];
  cluster.onAnswer = (_replica, _requests, latencyMs) => latencies.push(latencyMs);
  const { proposers, queue } = cluster;
  for (let count = 1; count <= requestsBefore + requests; count += 1) {
    cluster.submit(proposers[count % proposers.length] ?? 0);
    while (latencies.length < count) {
      if (!queue.step()) throw new Error('the model has come to a stand');
    }
  }
  return median(latencies.slice(requestsBefore));
}
