import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { OrderingEngine, OrderingOutput } from '../../../src/ordering/core/engine.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import type { OrderingMessage, OrderingRequest } from '../../../src/ordering/types.js';
import { Deferred } from '../engine/deferred.js';
import type { Host, Life } from '../engine/process.js';
import { SimDriver } from '../engine/sim-driver.js';
import { replicaAt } from '../kit/cast.js';
import type { OrderingReader } from './reader.js';

export interface ReplicaOptions {
  readonly host: Host;
  readonly self: ReplicaId;
  readonly n: number;
  readonly core: OrderingEngine;
  /** What the core does in memory, until it is on disk. */
  readonly deferred: Deferred;
  readonly reader: OrderingReader;
  /** On the way out; a liar's has its way with it. The bytes are the same for all. */
  readonly send: (to: ReplicaId, message: OrderingMessage, bytes: () => Uint8Array) => void;
  /** False swallows it. */
  readonly takes: (from: ReplicaId, message: OrderingMessage) => boolean;
  /** By how much it is slow now. */
  readonly extraMs: () => number;
  readonly onDelivered: (position: number) => void;
  readonly onInstalled: (position: number) => void;
  readonly onRefused: (request: OrderingRequest, reason: 'busy' | 'executed') => void;
  readonly log: (event: string, data: object) => void;
}

/** A replica: an engine behind links, as its edge will run it. */
export class OrderingReplica implements Life<Uint8Array> {
  readonly core: OrderingEngine;
  readonly #options: ReplicaOptions;
  readonly #driver: SimDriver<Parameters<OrderingEngine['handle']>[0], OrderingOutput>;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.core = options.core;
    this.#driver = new SimDriver({
      core: options.deferred.around(options.core as never),
      host: options.host,
      perform: (output: OrderingOutput) => this.#perform(output),
      log: (note) => {
        if (!Deferred.tells(note)) options.log(note.event, note.data);
      },
    });
    this.#driver.start();
  }

  get load(): { readonly timers: number; readonly outputs: number } {
    return this.#driver.load;
  }

  submit(request: OrderingRequest): void {
    this.#driver.submit({ kind: 'submit', request, nowMs: this.#options.host.nowMs() });
  }

  linked(other: string): void {
    const replica = replicaAt(other);
    if (replica !== undefined) this.#driver.submit({ kind: 'peer-up', replica });
  }

  receive(from: string, bytes: Uint8Array): void {
    const extraMs = this.#options.extraMs();
    if (extraMs > 0) this.#options.host.after(extraMs, () => this.#take(from, bytes));
    else this.#take(from, bytes);
  }

  #take(from: string, bytes: Uint8Array): void {
    const { reader, takes, host } = this.#options;
    const replica = replicaAt(from);
    const message = reader.read(bytes);
    if (replica === undefined || !message || !takes(replica, message)) return;
    const verified = reader.verify(replica, bytes);
    if (verified) this.#driver.submit({ kind: 'peer', message: verified, nowMs: host.nowMs() });
  }

  #perform(output: OrderingOutput): void {
    const { onDelivered, onInstalled, onRefused } = this.#options;
    switch (output.kind) {
      case 'send':
        return this.#send([output.to], output.message);
      case 'broadcast':
        return this.#send(this.#others, output.message);
      case 'delivered':
        return onDelivered(output.position);
      case 'installed':
        return onInstalled(output.position);
      case 'refused':
        return onRefused(output.request, output.reason);
      default:
        return;
    }
  }

  get #others(): ReplicaId[] {
    const { n, self } = this.#options;
    return Array.from({ length: n }, (_, index) => index as ReplicaId).filter((it) => it !== self);
  }

  #send(to: readonly ReplicaId[], message: OrderingMessage): void {
    let encoded: Uint8Array | undefined;
    const bytes = (): Uint8Array => {
      encoded ??= encodeOrderingMessage(message);
      return encoded;
    };
    for (const one of to) this.#options.send(one, message, bytes);
  }
}
