import type { ReplicaId } from '../../../vocabulary/ids.js';

/** Delays remembered; some tens of cycles of a small cluster. */
const SAMPLES_MAX = 256;
/** The part of the delays that the estimate covers. */
const TAIL = 0.99;
/** The epsilon of theorem 5.5, as a part of the delay. */
const MARGIN = 0.25;

/**
 * How long a phase waits: `T >= 4D + e` (theorem 5.5), with `D` estimated as the tail of the times that
 * others' messages took after this process had sent its own. Late ones count, so that a network that
 * has become slower is noticed. Waits for one process that overlap count once: ten cycles in which it was
 * silent are one silence. A process that is late on purpose can stretch it, up to `maxMs`.
 */
export class DelayEstimate {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #samples = new Float64Array(SAMPLES_MAX);
  /** Up to when the waits for each process are counted. */
  readonly #countedMs = new Map<ReplicaId, number>();
  #count = 0;
  #at = 0;
  /** Of the samples as they are; `undefined` where they have changed. */
  #delayMs: number | undefined = 0;

  constructor(minMs: number, maxMs: number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
  }

  /** `D`; 0 before anything was measured. */
  get delayMs(): number {
    this.#delayMs ??= this.#tail();
    return this.#delayMs;
  }

  /** `T`. */
  get timeoutMs(): number {
    const neededMs = (4 + MARGIN) * this.delayMs;
    return Math.min(Math.max(neededMs, this.#minMs), this.#maxMs);
  }

  /**
   * This was waited for. What took longer than the bound says nothing of the network: its sender was away,
   * or this process has started again since.
   */
  add(from: ReplicaId, sinceMs: number, nowMs: number): void {
    if (sinceMs < (this.#countedMs.get(from) ?? -Infinity)) return;
    this.#countedMs.set(from, nowMs);
    const delayMs = nowMs - sinceMs;
    if (delayMs < 0 || delayMs > this.#maxMs) return;
    this.#samples[this.#at] = delayMs;
    this.#at = (this.#at + 1) % SAMPLES_MAX;
    this.#count = Math.min(this.#count + 1, SAMPLES_MAX);
    this.#delayMs = undefined;
  }

  #tail(): number {
    const sorted = this.#samples.slice(0, this.#count).sort();
    return sorted[Math.ceil(TAIL * sorted.length) - 1] ?? 0;
  }
}
