import type { ReplicaId } from '../../../vocabulary/ids.js';

/** Delays remembered of each process; some tens of cycles. */
const SAMPLES_MAX = 256;
/** The part of one process's delays that the estimate covers. */
const TAIL = 0.99;
/**
 * The timeout in delays: four of theorem 5.5, two for handing on what a liar withholds from one process
 * (`docs/decisions/0011-who-is-in-the-way.md`), and the epsilon.
 */
const TIMEOUT_DELAYS = 6.25;
/** Of the timeout: how long something that others have may be missing before it is asked for. */
const ASK_PART = 1 / 12;
/** A message may come so many delays after the usual one, besides the wait before asking, and is not slow. */
const SLOW_DELAYS = 5;
/**
 * A command goes to the Decision Module's primary and comes back in a proposal; each of the two may have a value
 * to fetch first.
 */
const COMMAND_DELAYS = 7;
/** Of the least timeout: what is never slow. */
const SLOW_FLOOR_PART = 1 / 4;
/** Of the timeout: a report that leaves earlier than this was kept waiting by nobody. */
const PROMPT_PART = 1 / 3;

/**
 * How long a phase waits: `T >= 4D + e` (theorem 5.5), with `D` the tail of the times that others' messages
 * took after this process had sent its own. The `f` slowest processes do not count: `D` is what a quorum
 * needs, and `f` that are late on purpose do not stretch it. Late ones of the others count, so that a
 * network that has become slower is noticed. Waits for one process that overlap count once: ten cycles in
 * which it was silent are one silence.
 */
export class DelayEstimate {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #f: number;
  readonly #delays = new Map<ReplicaId, Delays>();

  /** Of `f` processes at most the delays are not believed. */
  constructor(minMs: number, maxMs: number, f: number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#f = f;
  }

  /** `D`; 0 before anything was measured. */
  get delayMs(): number {
    const tails = [...this.#delays.values()].map(({ tailMs }) => tailMs).sort((a, b) => b - a);
    return tails[this.#f] ?? 0;
  }

  /** `T`. */
  get timeoutMs(): number {
    return Math.min(Math.max(TIMEOUT_DELAYS * this.delayMs, this.#minMs), this.#maxMs);
  }

  /** How long something that others have may be missing before it is asked for. */
  get askAfterMs(): number {
    return ASK_PART * this.timeoutMs;
  }

  /** A value, or report, that comes so long after this process's own is slow. */
  get slowMs(): number {
    return this.#within(SLOW_DELAYS);
  }

  /** How long a command may wait until the Decision Module's primary proposes it. */
  get commandMs(): number {
    return this.#within(COMMAND_DELAYS);
  }

  /** A report that was sent so soon left its receivers time to fetch what it names. */
  get promptMs(): number {
    return PROMPT_PART * this.timeoutMs;
  }

  /** So many delays, and what is waited for before asking. */
  #within(delays: number): number {
    const allowedMs = this.askAfterMs + delays * this.delayMs;
    return Math.min(Math.max(allowedMs, SLOW_FLOOR_PART * this.#minMs), this.timeoutMs);
  }

  /**
   * This was waited for. What took longer than the bound says nothing of the network: its sender was away,
   * or this process has started again since.
   */
  add(from: ReplicaId, sinceMs: number, nowMs: number): void {
    const delays = this.#delays.get(from) ?? new Delays();
    this.#delays.set(from, delays);
    delays.add(sinceMs, nowMs, this.#maxMs);
  }
}

/** Of one process. */
class Delays {
  readonly #samples = new Float64Array(SAMPLES_MAX);
  /** Up to when the waits are counted. */
  #countedMs = -Infinity;
  #count = 0;
  #at = 0;
  /** Of the samples as they are; `undefined` where they have changed. */
  #tailMs: number | undefined = 0;

  get tailMs(): number {
    this.#tailMs ??= this.#tail();
    return this.#tailMs;
  }

  add(sinceMs: number, nowMs: number, maxMs: number): void {
    if (sinceMs < this.#countedMs) return;
    this.#countedMs = nowMs;
    const delayMs = nowMs - sinceMs;
    if (delayMs < 0 || delayMs > maxMs) return;
    this.#samples[this.#at] = delayMs;
    this.#at = (this.#at + 1) % SAMPLES_MAX;
    this.#count = Math.min(this.#count + 1, SAMPLES_MAX);
    this.#tailMs = undefined;
  }

  #tail(): number {
    const sorted = this.#samples.slice(0, this.#count).sort();
    return sorted[Math.ceil(TAIL * sorted.length) - 1] ?? 0;
  }
}
