/** A key and its new value; `null` deletes the key. */
export interface StoreWrite {
  readonly key: string;
  readonly value: Uint8Array | null;
}
/**
 * Outputs that every core has in common. A driver performs a core's outputs in their order, and lets
 * nothing that follows a `persist` leave before the write is on disk ("persist before you send").
 */
export type CommonOutput =
  /** Write the value under the key; `null` deletes it. */
  | { readonly kind: 'persist'; readonly key: string; readonly value: Uint8Array | null }
  /** Start, or restart, the named timer. When it runs out the core gets a `TimerInput`. */
  | { readonly kind: 'start-timer'; readonly name: string; readonly delayMs: number }
  | { readonly kind: 'stop-timer'; readonly name: string }
  /** Something an operator may want to know. Never holds a secret. */
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly event: string;
      readonly data: object;
    };

/** Writes what `encode` makes, which is called when the write begins. */
export function persistSigned(
  key: string,
  encode: () => Uint8Array,
): Extract<CommonOutput, { kind: 'persist' }> {
  let value: Uint8Array | undefined;
  return {
    kind: 'persist',
    key,
    get value() {
      value ??= encode();
      return value;
    },
  };
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface TimerInput {
  readonly kind: 'timer';
  readonly name: string;
}

/** A record read back at the start, before any other input. */
export interface StoredRecord {
  readonly key: string;
  readonly value: Uint8Array;
}

/** A state machine without clock, socket, randomness or storage: a driver hands it inputs and performs its outputs. */
export interface Core<Input, Output> {
  /** Takes what was persisted, once, before the first `handle`. */
  restore(records: readonly StoredRecord[]): readonly (Output | CommonOutput)[];
  /** Takes one input, and returns what is to be done, in this order. */
  handle(input: Input | TimerInput): readonly (Output | CommonOutput)[];
  /**
   * How many transactions are under way: not those that wait for somebody who is late, or for a person. With more of them a
   * turn takes longer and has more in it; where it is not given, every input has a turn of its own.
   */
  readonly underWay?: number;
}

/** How long a turn takes, at the most, with so many transactions under way: one alone waits for nothing. */
export function turnDelayMs(underWay: number): number {
  return Math.min(turnMostMs, turnEachMs * Math.max(0, underWay - 1));
}
const turnEachMs = 4;
const turnMostMs = 20;

/** The n-th retransmission delay: grows by half each time, up to ten times the first. */
export function resendDelayMs(firstMs: number, times: number): number {
  return Math.min(firstMs * 1.5 ** times, firstMs * 10);
}
/**
 * Throws where a rule that the proofs rest on would be broken. The driver ends the core before anything of
 * the step leaves.
 */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${what}`);
}
/** A first-in-first-out queue whose `shift` does not move the rest each time. */
export class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  peek(): Item | undefined {
    return this.#items[this.#head];
  }

  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
