import { orderingDefaults } from '../../src/ordering/core/engine.js';
import { median, percentile } from '../support/statistics.js';
import { type ClusterSettings, SimulatedCluster } from './cluster.js';
import type { Work } from './replica.js';

/** What a cluster does at its best. */
export interface Peak {
  /** Client requests executed in a second. */
  readonly requestsPerSecond: number;
  /** From the hand-in to the execution at the same replica, with all that waits before it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the busiest replica, 0 to 1. */
  readonly processorUse: number;
  /** A request's share of what all replicas did. */
  readonly messagesPerRequest: number;
  readonly bytesPerRequest: number;
  readonly signaturesPerRequest: number;
  readonly verificationsPerRequest: number;
  /** Processor time of all replicas for one request. */
  readonly processorUsPerRequest: number;
}

/** Batches that wait at each proposer besides those that are under way. */
const spareBatches = 2;
/** Load grows by so much of itself at each step, so that estimates of delays can follow. */
const growth = 2;
/** Two windows whose figures differ by less than that are steady. */
const tolerance = 0.03;
const windowsMax = 8;
/** A window is over when so many times as many have been answered as are under way. */
const turnOversOfWindow = 3;
/** With many replicas a window has so many batches that one turn-over tells as much. */
const manyReplicas = 16;

/**
 * Peak throughput: each proposer has so much waiting that every batch is full, and each answer brings
 * the next request. The load starts low and grows until batches wait; then windows are measured until
 * two agree.
 */
export function findPeak(settings: ClusterSettings): Peak {
  const cluster = new SimulatedCluster(settings);
  const load = new Load(cluster, settings);
  load.rampUp();
  let before = load.window();
  for (let count = 2; count < windowsMax; count += 1) {
    const window = load.window();
    const change = Math.abs(window.requestsPerSecond / before.requestsPerSecond - 1);
    if (change < tolerance) return window;
    before = window;
  }
  return before;
}

/** A closed loop: so many bundles of requests under way at each proposer. */
class Load {
  readonly #cluster: SimulatedCluster;
  readonly #most: number;
  readonly #turnOvers: number;
  #allowed = 1;
  readonly #underWay: number[];
  #answered = 0;
  #latencies: number[] = [];

  constructor(cluster: SimulatedCluster, settings: ClusterSettings) {
    const { bundle = 1, batchRequests = 1024, depth, n } = settings;
    this.#cluster = cluster;
    this.#most = Math.ceil(batchRequests / bundle) * (depth + spareBatches);
    this.#turnOvers = turnOversOf(settings);
    this.#underWay = new Array<number>(n).fill(0);
    cluster.onAnswer = (replica, requests, latencyMs) => {
      this.#underWay[replica] = (this.#underWay[replica] ?? 0) - 1;
      this.#answered += requests;
      this.#latencies.push(latencyMs);
      this.#fill(replica);
    };
  }

  rampUp(): void {
    while (this.#allowed < this.#most) {
      this.#allowed = Math.min(this.#most, Math.ceil(this.#allowed * growth));
      this.#fillAll();
      this.#turnOver();
    }
    // What was handed in while the load grew has left.
    this.#turnOver();
  }

  window(): Peak {
    const before = this.#cluster.work();
    const busyBefore = this.#busyMs();
    const fromMs = this.#cluster.nowMs;
    this.#answered = 0;
    this.#latencies = [];
    for (let count = 0; count < this.#turnOvers; count += 1) this.#turnOver();
    const tookMs = this.#cluster.nowMs - fromMs;
    const busy = this.#busyMs().map((busyMs, index) => busyMs - (busyBefore[index] ?? 0));
    const share = shareOf(before, this.#cluster.work(), this.#answered);
    return {
      requestsPerSecond: (this.#answered / tookMs) * 1000,
      p50Ms: median(this.#latencies),
      p99Ms: percentile(this.#latencies, 99),
      processorUse: Math.max(...busy) / tookMs,
      ...share,
    };
  }

  /** Lets as many requests be answered as are under way now. */
  #turnOver(): void {
    const underWay = this.#underWay.reduce((sum, count) => sum + count, 0);
    const enough = this.#latencies.length + underWay;
    while (this.#latencies.length < enough) {
      if (!this.#cluster.queue.step()) throw new Error('the model has come to a stand');
    }
  }

  #fillAll(): void {
    for (const replica of this.#cluster.proposers) this.#fill(replica);
  }

  #fill(replica: number): void {
    let underWay = this.#underWay[replica] ?? 0;
    while (underWay < this.#allowed) {
      underWay += 1;
      this.#underWay[replica] = underWay;
      this.#cluster.submit(replica);
    }
  }

  #busyMs(): number[] {
    return this.#cluster.replicas.map(({ work }) => work.busyMs);
  }
}

/** Each turn-over is so many batches of each proposer. A window of ezBFT has a barrier: what is under way meets that. */
function turnOversOf({ engine, n, depth }: ClusterSettings): number {
  const least = n > manyReplicas ? 1 : turnOversOfWindow;
  if (engine !== 'ezbft') return least;
  return Math.max(least, Math.ceil(orderingDefaults.checkpointInterval / (depth + spareBatches)));
}

function shareOf(before: Work, after: Work, requests: number) {
  const of = (key: keyof Work) => (after[key] - before[key]) / requests;
  return {
    messagesPerRequest: of('messages'),
    bytesPerRequest: of('bytes'),
    signaturesPerRequest: of('signed'),
    verificationsPerRequest: of('verified') + of('clientVerified'),
    processorUsPerRequest: of('busyMs') * 1000,
  };
}
