import { EventQueue } from '../simulation/engine/event-queue.js';

/** One queue of events in virtual time. Events of one time run in the order in which they were put in. */
export class VirtualTime {
  nowMs: number;
  readonly #queue = new EventQueue();
  #order = 0;

  constructor(nowMs = 0) {
    this.nowMs = nowMs;
  }

  /** Whether nothing is to come. */
  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  after(delayMs: number, run: () => void): void {
    this.#queue.push({ atMs: this.nowMs + delayMs, order: this.#order++, run });
  }

  /** Runs until the condition holds; throws when nothing is left or the time is up first. */
  runUntil(condition: () => boolean, limitMs = 120_000): void {
    const end = this.nowMs + limitMs;
    while (!condition()) {
      if (!this.#step(end)) throw new Error(`not reached by ${this.nowMs} ms of virtual time`);
    }
  }

  /** Runs until nothing is to come; throws where the time is up first. */
  runUntilIdle(limitMs = 600_000): void {
    const end = this.nowMs + limitMs;
    while (this.#step(end));
    if (!this.isIdle) throw new Error(`not idle by ${this.nowMs} ms of virtual time`);
  }

  runFor(durationMs: number): void {
    const end = this.nowMs + durationMs;
    while (this.#step(end));
    this.nowMs = end;
  }

  /** Runs the next event, if it is due by then. */
  #step(endMs: number): boolean {
    const next = this.#queue.peek();
    if (!next || next.atMs > endMs) return false;
    this.#queue.pop();
    this.nowMs = next.atMs;
    next.run();
    return true;
  }
}

/** Named timers of one process. */
export class VirtualTimers {
  readonly #time: VirtualTime;
  readonly #running = new Map<string, symbol>();

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  start(name: string, delayMs: number, run: () => void): void {
    const id = Symbol(name);
    this.#running.set(name, id);
    this.#time.after(delayMs, () => {
      if (this.#running.get(name) !== id) return;
      this.#running.delete(name);
      run();
    });
  }

  stop(name: string): void {
    this.#running.delete(name);
  }

  stopAll(): void {
    this.#running.clear();
  }
}
