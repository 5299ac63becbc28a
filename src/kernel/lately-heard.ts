/** A transaction that is going on is heard of again within so many inputs for each coordinator: these send most of them. */
const inputsEach = 32;

/**
 * The open transactions that a core has heard of lately. One that waits for somebody who is away, or for a person, or that is in
 * doubt, is open for long and makes no turn longer: nothing of it comes to share one.
 */
export class LatelyHeard {
  readonly #inputsMax: number;
  /** The number of the last input of each, those heard of longest ago first. */
  readonly #last = new Map<string, number>();
  #inputs = 0;

  /** For so many coordinators. */
  constructor(replicas: number) {
    this.#inputsMax = inputsEach * replicas;
  }

  get size(): number {
    return this.#last.size;
  }

  /** An input is of this transaction. What its own timers lead to is none. */
  of(transaction: string): void {
    this.#inputs += 1;
    this.#last.delete(transaction);
    this.#last.set(transaction, this.#inputs);
    for (const [oldest, input] of this.#last) {
      if (input > this.#inputs - this.#inputsMax) return;
      this.#last.delete(oldest);
    }
  }

  ended(transaction: string): void {
    this.#last.delete(transaction);
  }
}
