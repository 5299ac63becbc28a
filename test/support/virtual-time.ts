interface Event {
  readonly atMs: number;
  run(): void;
}

/** One queue of events in virtual time. Events of one time run in the order in which they were put in. */
export class VirtualTime {
  nowMs: number;
  readonly #queue: Event[] = [];

  constructor(nowMs = 0) {
    this.nowMs = nowMs;
  }

  /** Whether nothing is to come. */
  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  after(delayMs: number, run: () => void): void {
    const atMs = this.nowMs + delayMs;
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#queue[middle]?.atMs ?? 0) <= atMs) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, { atMs, run });
  }

  /** Runs until the condition holds; throws when nothing is left or the time is up first. */
  runUntil(condition: () => boolean, limitMs: number): void {
    const end = this.nowMs + limitMs;
    while (!condition()) {
      if (!this.#step(end)) throw new Error(`not reached by ${this.nowMs} ms of virtual time`);
    }
  }

  runFor(durationMs: number): void {
    const end = this.nowMs + durationMs;
    while (this.#step(end));
    this.nowMs = end;
  }

  /** Runs the next event, if it is due by then. */
  #step(endMs: number): boolean {
    const next = this.#queue[0];
    if (!next || next.atMs > endMs) return false;
    this.#queue.shift();
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
