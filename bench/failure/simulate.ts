import { SimulatedCluster } from '../simulated/cluster.js';
import { measuredCosts } from '../simulated/costs.js';
import { localArea } from '../simulated/regions.js';
import { type Answer, type Failure, type Recovery, recoveryOf } from './timeline.js';

const replicas = 4;
/** Client requests that one request of the model stands for: one comes each millisecond. */
const arrivalsPerSecond = 1000;
const requestBytes = 500;

/** Figure 3 of Antipaxos: constant load at the replicas that stay, one replica killed. */
export function simulateFailure(failure: Failure): Recovery {
  const { strategy, requestsPerSecond, killed, killAtMs, endMs } = failure;
  const cluster = new SimulatedCluster({
    engine: 'antipaxos',
    n: replicas,
    depth: 10,
    requestBytes,
    clientsSign: false,
    latency: localArea,
    costs: measuredCosts,
    bundle: requestsPerSecond / arrivalsPerSecond,
    exclusion: strategy,
  });
  const answers: Answer[] = [];
  let handedIn = 0;
  cluster.onAnswer = (_replica, requests, latencyMs) => {
    answers.push({ atMs: cluster.nowMs, latencyMs, requests });
  };
  const { queue } = cluster;
  const staying = cluster.proposers.filter((replica) => replica !== killed);
  const arrivals = (endMs / 1000) * arrivalsPerSecond;
  for (let count = 0; count < arrivals; count += 1) {
    queue.at((count * 1000) / arrivalsPerSecond, () => {
      handedIn += requestsPerSecond / arrivalsPerSecond;
      cluster.submit(staying[count % staying.length] ?? 0);
    });
  }
  queue.at(killAtMs, () => cluster.replicas[killed]?.kill());
  queue.runTo(endMs);
  return recoveryOf(answers, { failedMs: killAtMs, endMs, requests: handedIn });
}
