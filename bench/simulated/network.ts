import type { VirtualTime } from '../../test/simulation/engine/virtual-time.js';

/** One-way latency between two replicas, in milliseconds. */
export type Latency = (from: number, to: number) => number;

/**
 * Links of limited bandwidth: each replica has one way out and one way in, and each carries one message
 * after the other.
 */
export class Network {
  readonly #queue: VirtualTime;
  readonly #latency: Latency;
  readonly #msPerByte: number;
  readonly #outFreeMs: number[];
  readonly #inFreeMs: number[];

  constructor(queue: VirtualTime, replicas: number, latency: Latency, bitsPerSecond: number) {
    this.#queue = queue;
    this.#latency = latency;
    this.#msPerByte = 8000 / bitsPerSecond;
    this.#outFreeMs = new Array<number>(replicas).fill(0);
    this.#inFreeMs = new Array<number>(replicas).fill(0);
  }

  /** Puts so many bytes on their way now; `arrived` is called when the last is there. */
  send(from: number, to: number, bytes: number, arrived: () => void): void {
    const leftMs = occupy(this.#outFreeMs, from, this.#queue.nowMs, bytes * this.#msPerByte);
    this.#queue.at(leftMs + this.#latency(from, to), () => this.#enter(to, bytes, arrived));
  }

  /** How long the way out of a replica is taken for already. */
  backlogMs(from: number): number {
    return Math.max(0, (this.#outFreeMs[from] ?? 0) - this.#queue.nowMs);
  }

  #enter(to: number, bytes: number, arrived: () => void): void {
    const nowMs = this.#queue.nowMs;
    const thereMs = occupy(this.#inFreeMs, to, nowMs, bytes * this.#msPerByte);
    if (thereMs <= nowMs) arrived();
    else this.#queue.at(thereMs, arrived);
  }
}

/** When something that comes now and takes so long is through. */
function occupy(freeMs: number[], index: number, nowMs: number, takesMs: number): number {
  const doneMs = Math.max(nowMs, freeMs[index] ?? 0) + takesMs;
  freeMs[index] = doneMs;
  return doneMs;
}
