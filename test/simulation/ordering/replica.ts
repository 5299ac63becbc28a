import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { OrderingEngine, OrderingOutput } from '../../../src/ordering/core/engine.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import type { OrderingMessage, OrderingRequest } from '../../../src/ordering/types.js';
import { replicaAt } from '../kit/cast.js';
import type { OrderingReader } from './reader.js';
import { ReplicaParty, type ReplicaPartyOptions } from './replica-party.js';

export interface OrderingReplicaOptions extends ReplicaPartyOptions {
  readonly core: OrderingEngine;
  readonly reader: OrderingReader;
  /** On the way out; a liar's has its way with it. The bytes are the same for all. */
  readonly send: (to: ReplicaId, message: OrderingMessage, bytes: () => Uint8Array) => void;
  /** False swallows it. */
  readonly takes: (from: ReplicaId, message: OrderingMessage) => boolean;
  readonly onDelivered: (position: number) => void;
  readonly onInstalled: (position: number) => void;
  readonly onRefused: (request: OrderingRequest, reason: 'busy' | 'executed' | 'too-long') => void;
}

type Input = Parameters<OrderingEngine['handle']>[0];

/** A replica: an engine behind links, as its edge will run it. */
export class OrderingReplica extends ReplicaParty<Uint8Array, Input, OrderingOutput> {
  readonly core: OrderingEngine;
  readonly #options: OrderingReplicaOptions;

  constructor(options: OrderingReplicaOptions) {
    super(options, options.core as never);
    this.#options = options;
    this.core = options.core;
    this.start();
  }

  /** A client's request. */
  request(request: OrderingRequest): void {
    this.submit({ kind: 'submit', request, nowMs: this.host.nowMs() });
  }

  protected take(from: string, bytes: Uint8Array): void {
    const { reader, takes } = this.#options;
    const replica = replicaAt(from);
    const message = reader.read(bytes);
    if (replica === undefined || !message || !takes(replica, message)) return;
    const verified = reader.verify(replica, bytes);
    if (verified) this.submit({ kind: 'peer', message: verified, nowMs: this.host.nowMs() });
  }

  protected perform(output: OrderingOutput): void {
    const { onDelivered, onInstalled, onRefused } = this.#options;
    switch (output.kind) {
      case 'send':
        return this.#send([output.to], output.message);
      case 'broadcast':
        return this.#send(this.others, output.message);
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

  #send(to: readonly ReplicaId[], message: OrderingMessage): void {
    let encoded: Uint8Array | undefined;
    const bytes = (): Uint8Array => {
      encoded ??= encodeOrderingMessage(message);
      return encoded;
    };
    for (const one of to) this.#options.send(one, message, bytes);
  }
}
