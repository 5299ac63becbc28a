import type { ReplicaId } from '../../../vocabulary/ids.js';
import { limits } from '../../../wire/index.js';
import type { Reader } from '../../../wire/reader.js';
import type { Writer } from '../../../wire/writer.js';

/** Whoever is excluded again and again is barred twice as long each time, up to so many doublings. */
const DOUBLINGS_MAX = 10;
/** After so many cycles without exclusion the first one counts as the first again. */
const FORGIVEN_AFTER = 8192;
/** Of one process; more than any strategy looks back. */
const CYCLES_MAX = 1024;

/** What decided cycles have shown of one process. Part of every checkpoint. */
export class Standing {
  readonly #depth: number;
  readonly #missedMax: number;
  #isExcluded = false;
  /** Cycles in which the others waited for it in vain, of late. */
  #missed = new Set<number>();
  /** Before this cycle nothing counts against it: it has just come back. */
  #since = 0;
  /** Exclusions so far, and the cycle before which nobody may take it back. */
  #strikes = 0;
  #barredUntil = 0;
  /** Who has said, in a decided value, that it has come back. */
  readonly #endorsers = new Set<ReplicaId>();
  /** Who complains of it, by cycle. */
  readonly #complainers = new Map<number, Set<ReplicaId>>();

  constructor(depth: number, missedMax: number) {
    this.#depth = depth;
    this.#missedMax = missedMax;
  }

  get isExcluded(): boolean {
    return this.#isExcluded;
  }

  /** The others waited for it in vain in so many cycles in a row that it may be left out. */
  get isOverdue(): boolean {
    if (this.#isExcluded) return false;
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
  }

  /** Somebody says so of a cycle, in one that is decided a little later; `enough` are believed. */
  complain(complainer: ReplicaId, cycle: number, decidedIn: number, enough: number): void {
    if (cycle >= decidedIn || cycle <= decidedIn - 2 * this.#depth) return;
    if (this.#isExcluded || cycle < this.#since) return;
    const complainers = this.#complainers.get(cycle) ?? new Set();
    this.#complainers.set(cycle, complainers.add(complainer));
    if (complainers.size >= enough) this.#missed.add(cycle);
  }

  exclude(cycle: number): void {
    if (cycle - this.#since > FORGIVEN_AFTER) this.#strikes = 0;
    this.#isExcluded = true;
    this.#barredUntil = cycle + this.#depth * (2 ** this.#strikes - 1);
    this.#strikes = Math.min(this.#strikes + 1, DOUBLINGS_MAX);
    this.#endorsers.clear();
    this.#missed.clear();
    this.#complainers.clear();
  }

  /** Somebody says, in a decided value, that it is back; `enough` bring it back. */
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
    for (const of of this.#missed) if (of <= last - this.#missedMax) this.#missed.delete(of);
  }

  write(writer: Writer): void {
    writer.flag(this.#isExcluded);
    writer.u64(this.#since);
    writer.u8(this.#strikes);
    writer.u64(this.#barredUntil);
    writeReplicas(writer, this.#endorsers);
    const missed = [...this.#missed].sort((a, b) => a - b);
    writer.list(missed, CYCLES_MAX, (cycle) => writer.u64(cycle));
    const complainers = [...this.#complainers].sort(([a], [b]) => a - b);
    writer.list(complainers, CYCLES_MAX, ([cycle, replicas]) => {
      writer.u64(cycle);
      writeReplicas(writer, replicas);
    });
  }

  read(reader: Reader): void {
    this.#isExcluded = reader.flag();
    this.#since = reader.u64();
    this.#strikes = reader.u8();
    this.#barredUntil = reader.u64();
    this.#endorsers.clear();
    for (const replica of readReplicas(reader)) this.#endorsers.add(replica);
    this.#missed = new Set(reader.list(CYCLES_MAX, () => reader.u64()));
    this.#complainers.clear();
    reader.list(CYCLES_MAX, () => {
      const cycle = reader.u64();
      this.#complainers.set(cycle, new Set(readReplicas(reader)));
    });
  }

  #rowEndingAt(last: number): number {
    let length = 0;
    while (this.#missed.has(last - length)) length += 1;
    return length;
  }
}

export function writeReplicas(writer: Writer, replicas: Iterable<ReplicaId>): void {
  const sorted = [...replicas].sort((a, b) => a - b);
  writer.list(sorted, limits.replicas, (replica) => writer.u16(replica));
}

export function readReplicas(reader: Reader): ReplicaId[] {
  return reader.list(limits.replicas, () => reader.u16() as ReplicaId);
}
