import { hexOf } from '../../src/kernel/codec/text.js';
import { clientId, clusterId, type ReplicaId, resilience } from '../../src/kernel/ids.js';
import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import type { ExclusionStrategy } from '../../src/ordering/core/antipaxos/state.js';
import {
  type OrderingEngine,
  type OrderingOptions,
  orderingDefaults,
  type StateMachine,
} from '../../src/ordering/core/engine.js';
import { EzbftEngine } from '../../src/ordering/core/ezbft/engine.js';
import { FabEngine } from '../../src/ordering/core/fab/engine.js';
import { PbftEngine } from '../../src/ordering/core/pbft/engine.js';
import type { OrderingMessage, OrderingRequest } from '../../src/ordering/types.js';
import { VirtualTime } from '../../test/simulation/engine/virtual-time.js';
import type { Costs } from './costs.js';
import { type Latency, Network } from './network.js';
import { numberingSigner, type Parcel, weigh } from './parcel.js';
import { SimulatedReplica, type Speculated, type Work } from './replica.js';

export const engineNames = ['antipaxos', 'ezbft', 'fab', 'pbft'] as const;
export type EngineName = (typeof engineNames)[number];
/** Engines whose requests all go through one replica. */
export const withPrimary: ReadonlySet<EngineName> = new Set<EngineName>(['fab', 'pbft']);

export interface ClusterSettings {
  readonly engine: EngineName;
  /** Replicas; the most faults that so many tolerate are tolerated. */
  readonly n: number;
  readonly depth: number;
  readonly requestBytes: number;
  /** Whether each request bears its client's signature. */
  readonly clientsSign: boolean;
  readonly latency: Latency;
  readonly costs: Costs;
  /** Client requests that one request of the model stands for; 1 unless given. */
  readonly bundle?: number;
  /** Client requests in a batch at the most; the engines' default unless given. */
  readonly batchRequests?: number;
  readonly batchDelayMs?: number;
  /** Replicas where clients hand in; where it suits the engine best unless given. */
  readonly homes?: readonly number[];
  readonly exclusion?: ExclusionStrategy;
  /** Where the network loses nothing and the machines are only busy, nothing need be said again. */
  readonly resendAfterMs?: number;
  readonly suspectAfterMs?: number;
  readonly timeoutMaxMs?: number;
}

/** A request was executed at the replica that had taken it: it can be answered. */
export type OnAnswer = (replica: number, requests: number, latencyMs: number) => void;

const cluster = clusterId('model');
const signatureBytes = 64;
/** Of one replica; what its model was measured with, so that figures can be compared. */
const usualBatchRequests = 1024;
/** So few of one client's numbers are under way that none overtakes another too far. */
const numbersOfOneClient = 100;

/** A machine that does nothing: what is measured is the ordering. Requests with one payload interfere. */
const idleMachine: StateMachine = {
  apply: () => undefined,
  snapshot: () => [],
  differences: () => [],
  install: () => undefined,
  interferes: (a, b) => Buffer.compare(a.payload, b.payload) === 0,
  keysOf: ({ payload }) => [hexOf(payload)],
};

/** Replicas that run a production engine each, on one queue of events. */
export class SimulatedCluster {
  readonly queue = new VirtualTime();
  readonly replicas: readonly SimulatedReplica[];
  readonly network: Network;
  readonly #settings: ClusterSettings;
  readonly #bundle: number;
  readonly #signed = { signatures: 0 };
  /** By client and number: a request may be decoded anew on its way. */
  readonly #submittedMs = new Map<string, number>();
  readonly #submitted: number[];
  #onAnswer: OnAnswer = () => undefined;
  /** Told of each request that a replica has executed. */
  onExecuted: (replica: number, request: OrderingRequest) => void = () => undefined;
  /** Told of what a replica says of an instance, before it is decided. */
  onSpeculated: (replica: number, speculated: Speculated) => void = () => undefined;
  /** Messages sent, one for each receiver, by kind. */
  readonly sent = new Map<string, number>();

  constructor(settings: ClusterSettings) {
    const { n, latency, costs } = settings;
    this.#settings = settings;
    this.#bundle = settings.bundle ?? 1;
    this.#submitted = new Array<number>(n).fill(0);
    this.network = new Network(this.queue, n, latency, costs.bitsPerSecond);
    this.replicas = Array.from({ length: n }, (_, self) => this.#replica(self));
    for (const replica of this.replicas) replica.start();
  }

  get nowMs(): number {
    return this.queue.nowMs;
  }

  /** Where clients hand in; unless given, who proposes in the normal case: where there is a primary, the first one alone. */
  get proposers(): readonly number[] {
    const { engine, n, homes } = this.#settings;
    if (homes) return homes;
    return withPrimary.has(engine) ? [0] : Array.from({ length: n }, (_, index) => index);
  }

  set onAnswer(onAnswer: OnAnswer) {
    this.#onAnswer = onAnswer;
  }

  /** A client hands a bundle in at a replica. */
  submit(replica: number): void {
    const count = this.#submitted[replica] ?? 0;
    this.#submitted[replica] = count + 1;
    const request: OrderingRequest = {
      client: clientId(`c${replica}.${count % this.#clients}`),
      number: Math.floor(count / this.#clients) + 1,
      // Those of one replica interfere with each other, and with no others.
      payload: Uint8Array.of(replica),
    };
    this.#submittedMs.set(nameOf(request), this.queue.nowMs);
    this.replicas[replica]?.submit(request);
  }

  /** A client hands in a request of its own making. */
  submitRequest(replica: number, request: OrderingRequest): void {
    this.replicas[replica]?.submit(request);
  }

  /** All replicas' work together. */
  work(): Work {
    const sum: Work = {
      messages: 0,
      bytes: 0,
      signed: 0,
      verified: 0,
      clientVerified: 0,
      known: 0,
      busyMs: 0,
    };
    for (const { work } of this.replicas) {
      for (const key of Object.keys(sum) as (keyof Work)[]) sum[key] += work[key];
    }
    return sum;
  }

  #replica(self: number): SimulatedReplica {
    const { n, costs, clientsSign } = this.#settings;
    return new SimulatedReplica(
      { self, replicas: n, costs, bundle: this.#bundle, clientsSign },
      this.#engine(self),
      this.queue,
      {
        signatures: () => this.#signed.signatures,
        weigh: (message) => this.#weigh(message),
        send: (to, parcel) => this.#send(self, to, parcel),
        delivered: (batch) => this.#delivered(self, batch),
        speculated: (speculated) => this.onSpeculated(self, speculated),
        refused: ({ client, number }) => {
          throw new Error(`the model hands in too much: ${client} ${number} was refused`);
        },
      },
    );
  }

  #weigh(message: OrderingMessage): Parcel {
    const { requestBytes, clientsSign } = this.#settings;
    const signed = clientsSign ? signatureBytes : 0;
    return weigh(cluster, message, { bundle: this.#bundle, requestBytes: requestBytes + signed });
  }

  #send(from: number, to: number, parcel: Parcel): void {
    const { kind } = parcel.message;
    this.sent.set(kind, (this.sent.get(kind) ?? 0) + 1);
    this.network.send(from, to, parcel.bytes, () => this.replicas[to]?.receive(from, parcel));
  }

  #delivered(self: number, batch: readonly OrderingRequest[]): void {
    const prefix = `c${self}.`;
    for (const request of batch) {
      this.onExecuted(self, request);
      if (!request.client.startsWith(prefix)) continue;
      const name = nameOf(request);
      const submittedMs = this.#submittedMs.get(name);
      if (submittedMs === undefined) continue;
      this.#submittedMs.delete(name);
      this.#onAnswer(self, this.#bundle, this.queue.nowMs - submittedMs);
    }
  }

  #engine(self: number): OrderingEngine {
    const { engine, n, depth, exclusion, ...settings } = this.#settings;
    const options: OrderingOptions = {
      ...orderingDefaults,
      cluster,
      resilience: resilience(n, Math.floor((n - 1) / 3)),
      self: self as ReplicaId,
      sign: numberingSigner(this.#signed),
      pipelineDepth: depth,
      batchRequestsMax: this.#batchRequests,
      batchDelayMs: settings.batchDelayMs ?? orderingDefaults.batchDelayMs,
      resendAfterMs: settings.resendAfterMs ?? orderingDefaults.resendAfterMs,
      suspectAfterMs: settings.suspectAfterMs ?? orderingDefaults.suspectAfterMs,
    };
    if (engine === 'fab') return new FabEngine(options, idleMachine);
    if (engine === 'ezbft') return new EzbftEngine(options, idleMachine);
    if (engine === 'pbft') return new PbftEngine(options, idleMachine);
    const timeoutMaxMs = settings.timeoutMaxMs ?? 10_000;
    return new AntipaxosEngine(
      { ...options, exclusion: exclusion ?? 'S1', timeoutMaxMs },
      idleMachine,
    );
  }

  /** Clients of one replica. */
  get #clients(): number {
    const underWay = 2 * this.#settings.depth * this.#batchRequests;
    return Math.ceil(underWay / numbersOfOneClient);
  }

  get #batchRequests(): number {
    const requests = this.#settings.batchRequests ?? usualBatchRequests;
    return Math.max(1, Math.floor(requests / this.#bundle));
  }
}

/** No other request has it. */
export function nameOf({ client, number }: OrderingRequest): string {
  return `${client} ${number}`;
}
