import { clientId } from '../../src/kernel/ids.js';
import type { OrderingRequest } from '../../src/ordering/types.js';
import { mulberry32 } from '../../test/support/core-rig.js';
import { mean } from '../support/statistics.js';
import { type EngineName, nameOf, SimulatedCluster } from './cluster.js';
import type { Costs } from './costs.js';
import { type Deployment, latencyOf } from './deployments.js';

/** One engine over the regions of a deployment, with a replica and clients in each. */
export interface RegionSetting {
  readonly engine: EngineName;
  readonly deployment: Deployment;
  /** The region of the first primary, for engines that have one. */
  readonly primary: number;
  /** Of so many requests in one, one meets those of other clients. */
  readonly contention: number;
  readonly costs: Costs;
  /** One unless given. */
  readonly clientsPerRegion?: number;
  /** Cycles, or sequence numbers, under way at once; ten unless given. */
  readonly depth?: number;
}

/** Mean latency that each region's clients see, in milliseconds, and of the regions; and what all clients do together. */
export interface RegionLatencies {
  readonly byRegionMs: readonly number[];
  readonly meanMs: number;
  readonly requestsPerSecond: number;
}

const requestsBefore = 10;
const requestsMeasured = 60;
const withinMs = 0.25;
const shared = 'shared';
/** Nothing is lost, and nobody is dead. */
const patient = { resendAfterMs: 120_000, suspectAfterMs: 600_000, timeoutMaxMs: 600_000 };

/** A request until its client believes an answer. */
interface UnderWay {
  readonly region: number;
  /** Of those of its region. */
  readonly client: number;
  readonly startMs: number;
  /** When an answer of each replica that has executed it is with the client. */
  readonly answeredMs: number[];
  /** How many replicas have said the same of its instance, by what they said. */
  readonly said: Map<string, number>;
}

/**
 * Clients in a closed loop: each hands its request in at the replica of its region, and sends the next when `f + 1`
 * replicas' answers are there, each after its way from that replica; or what all replicas say alike of ezBFT's instance.
 */
export function regionLatencies(setting: RegionSetting): RegionLatencies {
  return new RegionClients(setting).run();
}

class RegionClients {
  readonly #setting: RegionSetting;
  readonly #cluster: SimulatedCluster;
  readonly #regionOf: readonly number[];
  readonly #random = mulberry32(1);
  readonly #underWay = new Map<string, UnderWay>();
  readonly #latencies: number[][];
  readonly #clients: number;
  /** `f + 1`. */
  readonly #believed: number;

  constructor(setting: RegionSetting) {
    const { engine, deployment, primary, costs } = setting;
    this.#setting = setting;
    const n = deployment.regions.length;
    this.#regionOf = deployment.regions.map((_, replica) => (replica + primary) % n);
    this.#latencies = deployment.regions.map(() => []);
    this.#clients = setting.clientsPerRegion ?? 1;
    this.#believed = Math.floor((n - 1) / 3) + 1;
    const latency = latencyOf(deployment, this.#regionOf);
    const load = { depth: setting.depth ?? 10, requestBytes: 500, clientsSign: false };
    this.#cluster = new SimulatedCluster({ engine, n, latency, costs, ...load, ...patient });
    this.#cluster.onSpeculated = (replica, { reply, batch }) => {
      const said = JSON.stringify(reply.statement);
      for (const request of batch) this.#onSaid(replica, request, said);
    };
    this.#cluster.onExecuted = (replica, request) => this.#onExecuted(replica, request);
  }

  run(): RegionLatencies {
    for (const region of this.#latencies.keys()) {
      for (let client = 0; client < this.#clients; client += 1) this.#submit(region, client, 1);
    }
    const before = requestsBefore * this.#clients;
    const wanted = before + requestsMeasured * this.#clients;
    while (this.#latencies.some(({ length }) => length < wanted)) {
      if (!this.#cluster.queue.step()) throw new Error('the model has come to a stand');
    }
    const byRegionMs = this.#latencies.map((all) => mean(all.slice(before, wanted)));
    // Each client has one request under way at all times.
    const perSecond = byRegionMs.map((ms) => (1000 * this.#clients) / ms);
    const requestsPerSecond = perSecond.reduce((sum, each) => sum + each, 0);
    return { byRegionMs, meanMs: mean(byRegionMs), requestsPerSecond };
  }

  #submit(region: number, client: number, number: number): void {
    const name = `c${region}.${client}`;
    const key = this.#random() < this.#setting.contention ? shared : name;
    const payload = new TextEncoder().encode(key);
    const request: OrderingRequest = { client: clientId(name), number, payload };
    const { nowMs } = this.#cluster;
    this.#underWay.set(nameOf(request), {
      region,
      client,
      startMs: nowMs,
      answeredMs: [],
      said: new Map(),
    });
    const home = this.#regionOf.indexOf(region);
    this.#cluster.queue.at(nowMs + withinMs, () => this.#cluster.submitRequest(home, request));
  }

  #onExecuted(replica: number, request: OrderingRequest): void {
    const name = nameOf(request);
    const underWay = this.#underWay.get(name);
    if (!underWay) return;
    const { region, answeredMs } = underWay;
    this.#afterWay(replica, region, () => {
      answeredMs.push(this.#cluster.nowMs);
      if (answeredMs.length === this.#believed) this.#onAnswered(request, underWay);
    });
  }

  #onSaid(replica: number, request: OrderingRequest, what: string): void {
    const name = nameOf(request);
    const underWay = this.#underWay.get(name);
    if (!underWay) return;
    const { region, said } = underWay;
    this.#afterWay(replica, region, () => {
      const count = (said.get(what) ?? 0) + 1;
      said.set(what, count);
      if (count === this.#regionOf.length) this.#onAnswered(request, underWay);
    });
  }

  /** From a replica to the client of a region. */
  #afterWay(replica: number, region: number, arrived: () => void): void {
    const home = this.#regionOf.indexOf(region);
    const wayMs = latencyOf(this.#setting.deployment, this.#regionOf)(replica, home);
    this.#cluster.queue.at(this.#cluster.nowMs + wayMs, arrived);
  }

  #onAnswered(request: OrderingRequest, { region, client, startMs }: UnderWay): void {
    if (!this.#underWay.delete(nameOf(request))) return;
    this.#latencies[region]?.push(this.#cluster.nowMs - startMs);
    this.#submit(region, client, request.number + 1);
  }
}
