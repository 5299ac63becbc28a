import { digestOfText } from '../../src/kernel/digest.js';
import { type ClientId, clientId, type ReplicaId } from '../../src/kernel/ids.js';
import { type RequestCheck, verifyOrderingMessage } from '../../src/ordering/check-message.js';
import {
  type OrderingEngine,
  type OrderingInput,
  type OrderingOptions,
  type OrderingOutput,
  orderingDefaults,
  type StateMachine,
} from '../../src/ordering/core/engine.js';
import { lostStoreRecord } from '../../src/ordering/core/lost-store.js';
import { decodeOrderingMessage, encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import type { Batch, OrderingMessage, OrderingRequest } from '../../src/ordering/types.js';
import { CoreRig } from './core-rig.js';
import { type TestCluster, testCluster } from './keys.js';

/** What may happen to a message on its way. An empty list drops it. */
export type OrderingTamper = (
  from: number,
  to: number,
  message: OrderingMessage,
) => readonly OrderingMessage[];

export type EngineFactory<E extends OrderingEngine> = (
  options: OrderingOptions,
  machine: StateMachine,
  parties: TestCluster,
) => E;

export interface OrderingRigOptions {
  readonly n?: number;
  readonly f?: number;
  readonly seed?: number;
  readonly options?: Partial<OrderingOptions>;
  /** Every request is its client's own unless given. */
  readonly isGenuine?: RequestCheck;
}

/** A machine that remembers what it applied, in order. */
export class HistoryMachine implements StateMachine {
  history: string[] = [];

  apply(position: number, batch: Batch): void {
    for (const { client, number, payload } of batch) {
      this.history.push(`${position}:${client}:${number}:${new TextDecoder().decode(payload)}`);
    }
  }

  snapshot(): readonly Uint8Array[] {
    return [new TextEncoder().encode(JSON.stringify(this.history))];
  }

  differences(): readonly string[] {
    return ['history'];
  }

  install(snapshot: Uint8Array): void {
    this.history = JSON.parse(new TextDecoder().decode(snapshot));
  }

  interferes(): boolean {
    return true;
  }
}

/** Engines of one kind on one queue of events, in virtual time, from one seed. */
export class OrderingRig<E extends OrderingEngine = OrderingEngine> extends CoreRig<
  OrderingInput,
  OrderingOutput,
  E
> {
  readonly machines: HistoryMachine[] = [];
  /** Messages sent so far, by kind. */
  readonly sent = new Map<string, number>();
  tamper: OrderingTamper = (_from, _to, message) => [message];
  latencyMinMs = 1;
  latencyMaxMs = 5;
  /** Of so many messages in one, one is lost. */
  lossRate = 0;
  readonly #factory: EngineFactory<E>;
  readonly #options: Partial<OrderingOptions>;
  readonly #isGenuine: RequestCheck;
  #losses = 0;

  constructor(factory: EngineFactory<E>, given: OrderingRigOptions = {}) {
    const { n, f, seed, options, isGenuine = () => true } = given;
    super(testCluster({ n: n ?? 4, f: f ?? 1 }), seed ?? 1, 1000);
    this.#factory = factory;
    this.#options = options ?? {};
    this.#isGenuine = isGenuine;
    for (let replica = 0; replica < this.n; replica += 1) {
      this.addProcess(new Map());
      this.machines.push(new HistoryMachine());
      this.start(replica);
    }
  }

  engine(replica: number): E {
    const engine = this.coreOf(replica);
    if (!engine) throw new Error(`replica ${replica} is down`);
    return engine;
  }

  history(replica: number): readonly string[] {
    return this.machines[replica]?.history ?? [];
  }

  /** Starts a replica from its store. */
  start(replica: number): void {
    const machine = new HistoryMachine();
    const { cluster } = this.parties;
    const engine = this.#factory(
      {
        ...orderingDefaults,
        cluster: cluster.id,
        resilience: cluster.resilience,
        self: replica as ReplicaId,
        sign: this.parties.replicaSign(replica),
        ...this.#options,
      },
      machine,
      this.parties,
    );
    this.machines[replica] = machine;
    this.startCore(replica, engine);
  }

  /** Its disk is gone: it starts on a store that says so. */
  loseStore(replica: number): void {
    this.crash(replica);
    this.#losses += 1;
    const { key, value } = lostStoreRecord(digestOfText(`store ${this.#losses}`));
    this.stores[replica] = new Map([[key, value]]);
    this.start(replica);
  }

  submit(replica: number, client: string, number: number, text = `${client}${number}`): void {
    const request = makeRequest(client, number, text);
    this.input(replica, { kind: 'submit', request, nowMs: this.nowMs });
  }

  /** Throws where two replicas have applied different things, or one thing twice. */
  checkOrder(correct: readonly number[] = [...this.alive]): void {
    let longest: readonly string[] = [];
    for (const replica of correct) {
      const history = this.history(replica);
      if (history.length > longest.length) longest = history;
    }
    for (const replica of correct) {
      this.history(replica).forEach((entry, index) => {
        if (entry !== longest[index]) {
          throw new Error(`replica ${replica} at ${index}: ${entry}, not ${longest[index]}`);
        }
      });
    }
    const ids = longest.map((entry) => entry.split(':').slice(1, 3).join(':'));
    if (new Set(ids).size !== ids.length) throw new Error('executed twice');
  }

  /** Whether all these replicas have applied so many requests. */
  haveApplied(count: number, replicas: Iterable<number> = this.alive): boolean {
    return [...replicas].every((replica) => this.history(replica).length >= count);
  }

  /** Puts a message of `from` on its way, whoever made it. */
  transmit(from: number, to: number, message: OrderingMessage): void {
    if (this.lossRate > 0 && this.random() < this.lossRate) return;
    const bytes = encodeOrderingMessage(message);
    const spread = this.latencyMaxMs - this.latencyMinMs + 1;
    const latencyMs = this.latencyMinMs + Math.floor(this.random() * spread);
    this.after(latencyMs, () => this.#deliver(from, to, bytes));
  }

  count(kind: string): number {
    return this.sent.get(kind) ?? 0;
  }

  #deliver(from: number, to: number, bytes: Uint8Array): void {
    if (!this.coreOf(to)) return;
    const message = decodeOrderingMessage(this.parties.cluster.id, bytes);
    const result = verifyOrderingMessage(
      this.parties.keyring,
      this.#isGenuine,
      from as ReplicaId,
      message,
    );
    if (result.ok) this.input(to, { kind: 'peer', message: result.value, nowMs: this.nowMs });
    else this.refused.push(`${from}->${to} ${message.kind}: ${JSON.stringify(result.error)}`);
  }

  protected perform(replica: number, output: OrderingOutput): void {
    switch (output.kind) {
      case 'send':
        return this.#send(replica, output.to, output.message);
      case 'broadcast':
        for (const to of this.othersThan(replica)) this.#send(replica, to, output.message);
        return;
      default:
        this.outputs[replica]?.push(output);
    }
  }

  #send(from: number, to: number, message: OrderingMessage): void {
    for (const changed of this.tamper(from, to, message)) {
      this.sent.set(changed.kind, this.count(changed.kind) + 1);
      this.transmit(from, to, changed);
    }
  }
}

export function makeRequest(client: string, number: number, text: string): OrderingRequest {
  const id: ClientId = clientId(client);
  return { client: id, number, payload: new TextEncoder().encode(text) };
}
