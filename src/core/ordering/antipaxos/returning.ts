import type { ReplicaId, View } from '../../../vocabulary/ids.js';
import type { OrderingMessageOf } from '../../../vocabulary/ordering.js';
import type { AntipaxosState } from './state.js';

export interface ReturningEvents {
  /** Cycles are to start, load or not. */
  wanted(): void;
  /** This replica takes part again. */
  returned(): void;
}

/** Replicas that have lost their stores: this one, or others that want to be past what they signed. */
export class Returning {
  readonly #state: AntipaxosState;
  readonly #events: ReturningEvents;

  constructor(state: AntipaxosState, events: ReturningEvents) {
    this.#state = state;
    this.#events = events;
  }

  /** The others go on past what it may have signed, without load, too. */
  onLost(from: ReplicaId, { nonce, position: closed }: OrderingMessageOf<'lost'>): void {
    const { lost, delivered, options, outbox, favours, wantedThrough } = this.#state;
    // One that has lost its own store does not know how far it was.
    if (lost.isLost) return;
    outbox.send(from, { kind: 'reach', nonce, view: 0 as View, position: delivered });
    const isNear = closed <= delivered + 2 * options.pipelineDepth;
    if (closed <= Math.max(delivered, wantedThrough) || !isNear || !favours.take(from)) return;
    this.#state.wantedThrough = closed;
    this.#events.wanted();
  }

  onReach(from: ReplicaId, message: OrderingMessageOf<'reach'>): void {
    if (this.#state.lost.onReach(from, message)) this.check();
  }

  /** Whether it has what was decided of all that it may have taken part in. */
  check(): void {
    const { lost, delivered } = this.#state;
    if (!lost.isLost || delivered < (lost.bound?.position ?? Number.POSITIVE_INFINITY)) return;
    lost.end();
    this.#events.returned();
  }
}
