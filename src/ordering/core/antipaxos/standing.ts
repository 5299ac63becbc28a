import type { Reader, Writer } from '../../../kernel/codec/bytes.js';
import { limits } from '../../../kernel/codec/limits.js';
import type { ReplicaId } from '../../../kernel/ids.js';
import type { Complaint } from '../../types.js';

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
  /** `D` of the samples as they are; `undefined` where they have changed. */
  #delayMs: number | undefined;

  /** Of `f` processes at most the delays are not believed. */
  constructor(minMs: number, maxMs: number, f: number) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#f = f;
  }

  /** `D`; 0 before anything was measured. */
  get delayMs(): number {
    this.#delayMs ??= this.#measured();
    return this.#delayMs;
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
    this.#delayMs = undefined;
  }

  #measured(): number {
    const tails = [...this.#delays.values()].map(({ tailMs }) => tailMs).sort((a, b) => b - a);
    return tails[this.#f] ?? 0;
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

  /** So few are above it that looking for the largest, one after the other, is cheaper than to sort all. */
  #tail(): number {
    const above = this.#count - Math.ceil(TAIL * this.#count);
    const largest: number[] = [];
    for (const sample of this.#samples.subarray(0, this.#count)) {
      if (largest.length > above && sample <= (largest[above] ?? 0)) continue;
      const place = largest.findIndex((one) => one < sample);
      largest.splice(place < 0 ? largest.length : place, 0, sample);
      largest.length = Math.min(largest.length, above + 1);
    }
    return largest[above] ?? 0;
  }
}

/** A process that is excluded again and again is barred twice as long each time, up to so many doublings. */
const DOUBLINGS_MAX = 10;
/** After so many cycles without exclusion the first one counts as the first again. */
const FORGIVEN_AFTER = 8192;
/**
 * Slow in so many cycles of the last so many: too slow. So it may be slow in fewer than a quarter, and a
 * strategy that bears more cycles without a process bears as many with a slow one.
 */
const SLOW_MAX = 16;
const SLOW_WINDOW = 64;
/** A process that is left out for that counts as left out so often before: slow on purpose, it would come back at once. */
const SLOW_STRIKES = 3;
/** Of one process; more than any strategy looks back. */
const CYCLES_MAX = 1024;

/** What decided cycles have shown of one process. Part of every checkpoint. */
export class Standing {
  readonly #depth: number;
  readonly #missedMax: number;
  #isExcluded = false;
  /** Cycles in which the others waited for it in vain, of late. */
  #missed = new Set<number>();
  /** Cycles in which `f + 1` of the others found it slow. */
  #slow = new Set<number>();
  /** Before this cycle nothing counts against it: it has just come back. */
  #since = 0;
  /** Exclusions so far, and the cycle before which nobody may take it back. */
  #strikes = 0;
  #barredUntil = 0;
  /** Those that have said, in a decided value, that it has come back. */
  readonly #endorsers = new Set<ReplicaId>();
  /** Those that call it absent, and those that call it slow or absent, by cycle. */
  readonly #complainers = new Map<number, Set<ReplicaId>>();
  readonly #impatient = new Map<number, Set<ReplicaId>>();

  constructor(depth: number, missedMax: number) {
    this.#depth = depth;
    this.#missedMax = missedMax;
  }

  get isExcluded(): boolean {
    return this.#isExcluded;
  }

  /**
   * The others waited for it in vain in so many cycles in a row, or found it slow in so many, that it may be
   * left out.
   */
  get isOverdue(): boolean {
    if (this.#isExcluded) return false;
    if (this.#isSlow) return true;
    return [...this.#missed].some((cycle) => this.#rowEndingAt(cycle) >= this.#missedMax);
  }

  /** Whether a value in this cycle may say that it has come back. */
  mayReturnIn(cycle: number): boolean {
    return this.#isExcluded && cycle >= this.#barredUntil;
  }

  hasEndorsed(endorser: ReplicaId): boolean {
    return this.#endorsers.has(endorser);
  }

  /** Its value was missing in a cycle. */
  miss(cycle: number): void {
    if (this.#isExcluded || cycle < this.#since) return;
    this.#missed.add(cycle);
    this.#slow.add(cycle);
  }

  /** A process complains of a cycle, in one that is decided a little later; `enough` are believed. */
  complain(
    complainer: ReplicaId,
    { cycle, what }: Complaint,
    decidedIn: number,
    enough: number,
  ): void {
    if (cycle >= decidedIn || cycle <= decidedIn - 2 * this.#depth) return;
    if (this.#isExcluded || cycle < this.#since) return;
    if (noted(this.#impatient, cycle, complainer) >= enough) this.#slow.add(cycle);
    if (what === 'slow') return;
    if (noted(this.#complainers, cycle, complainer) >= enough) this.#missed.add(cycle);
  }

  exclude(cycle: number): void {
    if (cycle - this.#since > FORGIVEN_AFTER) this.#strikes = 0;
    if (this.#isSlow) this.#strikes = Math.max(this.#strikes, SLOW_STRIKES);
    this.#isExcluded = true;
    this.#barredUntil = cycle + this.#depth * (2 ** this.#strikes - 1);
    this.#strikes = Math.min(this.#strikes + 1, DOUBLINGS_MAX);
    this.#endorsers.clear();
    this.#missed.clear();
    this.#slow.clear();
    this.#complainers.clear();
    this.#impatient.clear();
  }

  /** A process says, in a decided value, that this one is back; `enough` bring it back. */
  endorse(endorser: ReplicaId, cycle: number, enough: number): void {
    if (!this.mayReturnIn(cycle)) return;
    this.#endorsers.add(endorser);
    if (this.#endorsers.size < enough) return;
    this.#isExcluded = false;
    this.#since = cycle + this.#depth;
    this.#endorsers.clear();
  }

  /** What is too long ago to be of a row, or to be complained of. */
  forget(cycle: number): void {
    const last = cycle - 2 * this.#depth;
    for (const of of this.#complainers.keys()) if (of <= last) this.#complainers.delete(of);
    for (const of of this.#impatient.keys()) if (of <= last) this.#impatient.delete(of);
    for (const of of this.#slow) if (of <= cycle - SLOW_WINDOW) this.#slow.delete(of);
    for (const of of this.#missed) if (of <= last - this.#missedMax) this.#missed.delete(of);
  }

  write(writer: Writer): void {
    writer.flag(this.#isExcluded);
    writer.u64(this.#since);
    writer.u8(this.#strikes);
    writer.u64(this.#barredUntil);
    writeReplicas(writer, this.#endorsers);
    for (const cycles of [this.#missed, this.#slow]) {
      const sorted = [...cycles].sort((a, b) => a - b);
      writer.list(sorted, CYCLES_MAX, (cycle) => writer.u64(cycle));
    }
    for (const complainers of [this.#complainers, this.#impatient]) {
      const sorted = [...complainers].sort(([a], [b]) => a - b);
      writer.list(sorted, CYCLES_MAX, ([cycle, replicas]) => {
        writer.u64(cycle);
        writeReplicas(writer, replicas);
      });
    }
  }

  read(reader: Reader): void {
    this.#isExcluded = reader.flag();
    this.#since = reader.u64();
    this.#strikes = reader.u8();
    this.#barredUntil = reader.u64();
    this.#endorsers.clear();
    for (const replica of readReplicas(reader)) this.#endorsers.add(replica);
    this.#missed = new Set(reader.list(CYCLES_MAX, () => reader.u64()));
    this.#slow = new Set(reader.list(CYCLES_MAX, () => reader.u64()));
    for (const complainers of [this.#complainers, this.#impatient]) {
      complainers.clear();
      reader.list(CYCLES_MAX, () => {
        const cycle = reader.u64();
        complainers.set(cycle, new Set(readReplicas(reader)));
      });
    }
  }

  get #isSlow(): boolean {
    return this.#slow.size >= Math.max(SLOW_MAX, this.#missedMax);
  }

  #rowEndingAt(last: number): number {
    let length = 0;
    while (this.#missed.has(last - length)) length += 1;
    return length;
  }
}

/** One more complains of a cycle. Returns how many do. */
function noted(of: Map<number, Set<ReplicaId>>, cycle: number, complainer: ReplicaId): number {
  const complainers = of.get(cycle) ?? new Set();
  of.set(cycle, complainers.add(complainer));
  return complainers.size;
}

export function writeReplicas(writer: Writer, replicas: Iterable<ReplicaId>): void {
  const sorted = [...replicas].sort((a, b) => a - b);
  writer.list(sorted, limits.replicas, (replica) => writer.u16(replica));
}

export function readReplicas(reader: Reader): ReplicaId[] {
  return reader.list(limits.replicas, () => reader.u16() as ReplicaId);
}
