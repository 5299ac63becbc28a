import type { Outbox } from './outbox.js';
import type { Pending } from './pending.js';

const BATCH = 'batch';

/**
 * When what waits is proposed: once it fills a batch, or its time is up. While batches are under way more
 * comes anyway, so the first request waits for `batchDelayMs`, or until the last of them is done. Where
 * nothing is, it waits for no more than the others that come with it: `idleDelayMs`.
 */
export class Batching {
  readonly #outbox: Outbox;
  readonly #pending: Pending;
  /** Since when something waits, as far as that was seen. */
  #sinceMs: number | undefined;
  #isDue = false;

  constructor(outbox: Outbox, pending: Pending) {
    this.#outbox = outbox;
    this.#pending = pending;
  }

  /** Whether there is something to propose now. Where it is too soon, a timer will say when. */
  isReady(isIdle: boolean): boolean {
    if (!this.#pending.hasWaiting) return false;
    const { options, nowMs } = this.#outbox;
    if (this.#isDue || this.#pending.fillsBatch(options)) return true;
    this.#sinceMs ??= nowMs;
    const { batchDelayMs, idleDelayMs } = options;
    const delayMs = isIdle ? Math.min(idleDelayMs, batchDelayMs) : batchDelayMs;
    const leftMs = this.#sinceMs + delayMs - nowMs;
    if (leftMs <= 0) return true;
    this.#outbox.startTimerBy(BATCH, leftMs);
    return false;
  }

  /** A batch has left. */
  taken(): void {
    this.#isDue = false;
    this.#sinceMs = undefined;
    this.#outbox.stopTimer(BATCH);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== BATCH) return false;
    this.#isDue = true;
    return true;
  }
}
