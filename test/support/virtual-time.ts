import { VirtualTime } from '../simulation/engine/virtual-time.js';

/** Virtual time that a test lets pass. */
export class RigTime extends VirtualTime {
  /** Runs until the condition holds; throws when nothing is left or the time is up first. */
  runUntil(condition: () => boolean, limitMs = 120_000): void {
    const end = this.nowMs + limitMs;
    while (!condition()) {
      if (!this.step(end)) throw new Error(`not reached by ${this.nowMs} ms of virtual time`);
    }
  }

  /** Runs until nothing is to come; throws where the time is up first. */
  runUntilIdle(limitMs = 600_000): void {
    const end = this.nowMs + limitMs;
    while (this.step(end));
    if (!this.isIdle) throw new Error(`not idle by ${this.nowMs} ms of virtual time`);
  }

  runFor(durationMs: number): void {
    this.runTo(this.nowMs + durationMs);
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
