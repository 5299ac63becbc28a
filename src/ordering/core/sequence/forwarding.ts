import type { OrderingRequest } from '../../types.js';
import { inBatches } from '../pending.js';
import type { SequenceState } from './state.js';

const FORWARD = 'forward';

/**
 * This replica's own requests on their way to the primary: the first at once, and together those that
 * follow it within a batch's delay.
 */
export class Forwarder {
  readonly #state: SequenceState;
  #unsent: OrderingRequest[] = [];
  #isHolding = false;

  constructor(state: SequenceState) {
    this.#state = state;
  }

  forward(request: OrderingRequest): void {
    const { isActive, isPrimary, options, outbox } = this.#state;
    // A new view's primary is sent all.
    if (!isActive || isPrimary) return;
    this.#unsent.push(request);
    if (this.#isHolding && this.#unsent.length < options.batchRequestsMax) return;
    this.#send();
    if (options.batchDelayMs === 0) return;
    this.#isHolding = true;
    outbox.ensureTimer(FORWARD, options.batchDelayMs);
  }

  /** A new primary: it knows nothing yet. */
  sendAll(): void {
    const { pending, self } = this.#state;
    this.#unsent = [];
    for (const { request, source } of pending.values()) {
      if (source === self) this.#unsent.push(request);
    }
    this.#send();
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== FORWARD) return false;
    this.#isHolding = this.#unsent.length > 0;
    this.#send();
    if (this.#isHolding) this.#state.outbox.ensureTimer(FORWARD, this.#state.options.batchDelayMs);
    return true;
  }

  #send(): void {
    const { isActive, outbox, primary, options } = this.#state;
    const unsent = this.#unsent;
    this.#unsent = [];
    if (!isActive) return;
    for (const batch of inBatches(unsent, options))
      outbox.send(primary, { kind: 'requests', batch });
  }
}
