interface Waiter {
  readonly resolve: (slot: number) => void;
  readonly reject: (error: Error) => void;
}

/** Numbers of connections that may be open at a time, given out in the order in which they are asked for. */
export class Slots {
  readonly #free: number[];
  readonly #waitingMax: number;
  #waiters: Waiter[] = [];
  #isClosed = false;

  constructor(count: number, waitingMax: number) {
    this.#free = Array.from({ length: count }, (_, slot) => slot);
    this.#waitingMax = waitingMax;
  }

  /** Rejects where none gets free in time, where too many wait already, and where all is closed. */
  take(waitMs: number): Promise<number> {
    if (this.#isClosed) return Promise.reject(new Error('the participant stops'));
    const slot = this.#free.shift();
    if (slot !== undefined) return Promise.resolve(slot);
    if (this.#waiters.length >= this.#waitingMax) {
      return Promise.reject(new Error(`${this.#waitingMax} wait already`));
    }
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      const timer = setTimeout(() => {
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
        reject(new Error(`none was free within ${waitMs} ms`));
      }, waitMs);
      const settled = () => clearTimeout(timer);
      waiter.resolve = (free) => {
        settled();
        resolve(free);
      };
      waiter.reject = (error) => {
        settled();
        reject(error);
      };
      this.#waiters.push(waiter);
    });
  }

  give(slot: number): void {
    const next = this.#waiters.shift();
    if (next === undefined) this.#free.push(slot);
    else next.resolve(slot);
  }

  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiters.splice(0)) reject(new Error('the participant stops'));
  }
}
