/** The longest delay of `setTimeout`; a longer one would fire at once. */
const maxDelayMs = 2 ** 31 - 1;

/** Named one-shot timers. */
export class Timers {
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #onExpiry: (name: string) => void;

  constructor(onExpiry: (name: string) => void) {
    this.#onExpiry = onExpiry;
  }

  /** Starts the timer, or starts it again from now. */
  start(name: string, delayMs: number): void {
    this.stop(name);
    const step = Math.min(delayMs, maxDelayMs);
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      if (step < delayMs) this.start(name, delayMs - step);
      else this.#onExpiry(name);
    }, step);
    this.#timers.set(name, timer);
  }

  stop(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  stopAll(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
