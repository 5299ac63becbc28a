/** Milliseconds until what was not taken is handed in again. */
const againMs = 100;

/**
 * Hands the core what came of its outputs, in order, and again until the core takes it. The core takes nothing while too
 * much waits for the disk, and it asks for nothing twice: a result that is dropped is lost, and plain software waits for it.
 */
export class Results<Input> {
  readonly #take: (input: Input) => boolean;
  /** Bounded: a dialogue makes one step at a time, and a client is told one outcome at a time. */
  readonly #waiting: Input[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  /** `take` gives whether the core has taken it. */
  constructor(take: (input: Input) => boolean) {
    this.#take = take;
  }

  give(input: Input): void {
    this.#waiting.push(input);
    if (this.#waiting.length === 1) this.#handIn();
  }

  /** What waits is not handed in any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #handIn(): void {
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      if (this.#isStopped) return;
      if (!this.#take(next)) {
        this.#timer = setTimeout(() => this.#handIn(), againMs);
        return;
      }
      this.#waiting.shift();
    }
  }
}
