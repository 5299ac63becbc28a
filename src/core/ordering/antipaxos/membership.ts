import type { ReplicaId } from '../../../vocabulary/ids.js';
import { oneCorrect, type Resilience } from '../../../vocabulary/quorum.js';
import { limits } from '../../../wire/index.js';
import type { Reader } from '../../../wire/reader.js';
import type { Writer } from '../../../wire/writer.js';
import type { Vector } from './merge.js';
import { Roster } from './roster.js';

interface Standing {
  isExcluded: boolean;
  /** Cycles in a row that its value was missing from. */
  missed: number;
  /** Before this cycle nothing counts against it: it has just come back. */
  since: number;
  /** Who has said, in a decided value, that it has come back. */
  readonly endorsers: Set<ReplicaId>;
}

/**
 * Who takes part in which cycle. It follows from decided cycles alone, so it is the same for everybody:
 * what cycle `c` decides takes effect in cycle `c + depth`, which nobody starts before delivering `c`.
 *
 * A process that was missing (null) in so many cycles in a row is left out, at most `f` at a time. It
 * comes back when `f + 1` others have said so in decided values.
 */
export class Membership {
  readonly #resilience: Resilience;
  readonly #depth: number;
  readonly #missedMax: number;
  readonly #standings: Standing[];
  /** For each cycle from the stable checkpoint to the last that may start. */
  readonly #rosters = new Map<number, Roster>();

  constructor(resilience: Resilience, depth: number, missedMax: number) {
    this.#resilience = resilience;
    this.#depth = depth;
    this.#missedMax = missedMax;
    this.#standings = this.#replicas().map(() => ({
      isExcluded: false,
      missed: 0,
      since: 0,
      endorsers: new Set(),
    }));
    for (let cycle = 1; cycle <= depth; cycle += 1) this.#rosters.set(cycle, this.#current());
  }

  /** `undefined` for a cycle that may not start yet, or is forgotten. */
  rosterAt(cycle: number): Roster | undefined {
    return this.#rosters.get(cycle);
  }

  isExcluded(replica: ReplicaId): boolean {
    return this.#standings[replica]?.isExcluded === true;
  }

  /** Whether the process has already said, in a decided value, that the other has come back. */
  hasEndorsed(endorser: ReplicaId, replica: ReplicaId): boolean {
    return this.#standings[replica]?.endorsers.has(endorser) === true;
  }

  /** A cycle was decided; `readmit` has, for each process, whom its value names as back. */
  decided(cycle: number, vector: Vector, readmit: readonly (readonly ReplicaId[])[]): void {
    const roster = this.#rosters.get(cycle);
    for (const replica of this.#replicas()) {
      const isMissing = roster?.awaited.has(replica) === true && vector[replica] === null;
      this.#judge(replica, cycle, isMissing);
    }
    readmit.forEach((named, endorser) => {
      for (const replica of named) this.#endorse(endorser as ReplicaId, replica, cycle);
    });
    this.#rosters.set(cycle + this.#depth, this.#current());
  }

  /** What is at or below a stable checkpoint is not asked for any more. */
  cut(cycle: number): void {
    for (const known of this.#rosters.keys()) if (known <= cycle) this.#rosters.delete(known);
  }

  /** The state after a cycle was decided. */
  write(writer: Writer, cycle: number): void {
    for (const { isExcluded, missed, since, endorsers } of this.#standings) {
      writer.flag(isExcluded);
      writer.u32(missed);
      writer.u64(since);
      writeReplicas(writer, endorsers);
    }
    for (let next = cycle + 1; next <= cycle + this.#depth; next += 1) {
      writeReplicas(writer, this.#rosters.get(next)?.excluded ?? []);
    }
  }

  read(reader: Reader, cycle: number): void {
    for (const standing of this.#standings) {
      standing.isExcluded = reader.flag();
      standing.missed = reader.u32();
      standing.since = reader.u64();
      standing.endorsers.clear();
      for (const replica of readReplicas(reader)) standing.endorsers.add(replica);
    }
    this.#rosters.clear();
    for (let next = cycle + 1; next <= cycle + this.#depth; next += 1) {
      this.#rosters.set(next, new Roster(this.#resilience, readReplicas(reader)));
    }
  }

  #judge(replica: ReplicaId, cycle: number, isMissing: boolean): void {
    const standing = this.#standings[replica];
    if (!standing || standing.isExcluded || cycle < standing.since) return;
    standing.missed = isMissing ? standing.missed + 1 : 0;
    const excluded = this.#standings.filter(({ isExcluded }) => isExcluded).length;
    if (standing.missed < this.#missedMax || excluded >= this.#resilience.f) return;
    standing.isExcluded = true;
    standing.endorsers.clear();
  }

  #endorse(endorser: ReplicaId, replica: ReplicaId, cycle: number): void {
    const standing = this.#standings[replica];
    if (!standing?.isExcluded || endorser === replica) return;
    standing.endorsers.add(endorser);
    if (standing.endorsers.size < oneCorrect(this.#resilience)) return;
    standing.isExcluded = false;
    standing.missed = 0;
    standing.since = cycle + this.#depth;
    standing.endorsers.clear();
  }

  #current(): Roster {
    return new Roster(
      this.#resilience,
      this.#replicas().filter((replica) => this.isExcluded(replica)),
    );
  }

  #replicas(): ReplicaId[] {
    return Array.from({ length: this.#resilience.n }, (_, index) => index as ReplicaId);
  }
}

function writeReplicas(writer: Writer, replicas: Iterable<ReplicaId>): void {
  const sorted = [...replicas].sort((a, b) => a - b);
  writer.list(sorted, limits.replicas, (replica) => writer.u16(replica));
}

function readReplicas(reader: Reader): ReplicaId[] {
  return reader.list(limits.replicas, () => reader.u16() as ReplicaId);
}
