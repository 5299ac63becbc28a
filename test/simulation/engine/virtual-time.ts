import { EventQueue } from './event-queue.js';

/** A clock, and what is still to happen: of two events at the same time the one that was made first comes first. */
export class VirtualTime {
  readonly #queue = new EventQueue();
  #nowMs: number;
  #made = 0;

  constructor(nowMs = 0) {
    this.#nowMs = nowMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Whether nothing is to come. */
  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.#nowMs + delayMs, run);
  }

  /** What would be in the past happens now. */
  at(atMs: number, run: () => void): void {
    this.#made += 1;
    this.#queue.push({ atMs: Math.max(atMs, this.#nowMs), order: this.#made, run });
  }

  /** Lets the next event happen; false where there is none until then. */
  step(untilMs = Number.POSITIVE_INFINITY): boolean {
    const next = this.#queue.peek();
    if (!next || next.atMs > untilMs) return false;
    this.#queue.pop();
    this.#nowMs = next.atMs;
    next.run();
    return true;
  }

  /** Lets everything up to then happen. */
  runTo(untilMs: number): void {
    while (this.step(untilMs));
    this.advanceTo(untilMs);
  }

  /** Nothing is to happen until then. */
  advanceTo(untilMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }
}
