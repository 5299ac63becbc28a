import type { ReplicaId } from '../../../vocabulary/ids.js';
import type { CycleValue } from '../../../vocabulary/ordering.js';
import { oneCorrect, type Resilience } from '../../../vocabulary/quorum.js';
import type { Reader } from '../../../wire/reader.js';
import type { Writer } from '../../../wire/writer.js';
import { invariant } from '../../invariant.js';
import { Roster } from './roster.js';
import { readReplicas, Standing, writeReplicas } from './standing.js';

/**
 * Who takes part in which cycle. It follows from decided values alone, so it is the same for everybody:
 * what cycle `c` decides takes effect in cycle `c + depth`, which nobody starts before delivering `c`.
 *
 * A process is left out, at most `f` at a time, when the others waited for it in vain in so many cycles
 * in a row: its value was missing (null), or `f + 1` complain in their values that it was in the way of
 * the fast path; or when `f + 1` find it slow in a quarter of the cycles of late. (That cannot be read off the Decision Module's log: others may have decided the same
 * cycle without it, and whoever asks it chooses which reports it sees.) It comes back when `f + 1`
 * others have said so in decided values; see `standing.ts` for how soon.
 */
export class Membership {
  readonly #resilience: Resilience;
  readonly #depth: number;
  readonly #standings: readonly Standing[];
  /** For each cycle from the stable checkpoint to the last that may start. */
  readonly #rosters = new Map<number, Roster>();

  constructor(resilience: Resilience, depth: number, missedMax: number) {
    this.#resilience = resilience;
    this.#depth = depth;
    this.#standings = Array.from({ length: resilience.n }, () => new Standing(depth, missedMax));
    for (let cycle = 1; cycle <= depth; cycle += 1) this.#rosters.set(cycle, this.#current());
  }

  /** `undefined` for a cycle that may not start yet, or is forgotten. */
  rosterAt(cycle: number): Roster | undefined {
    return this.#rosters.get(cycle);
  }

  isExcluded(replica: ReplicaId): boolean {
    return this.#standings[replica]?.isExcluded === true;
  }

  /** Whether this cycle waits for somebody whom later ones leave out. */
  isOutdated(cycle: number): boolean {
    const awaited = this.#rosters.get(cycle)?.awaited;
    return awaited !== undefined && this.#excluded.some((replica) => awaited.has(replica));
  }

  /** Whether values in this cycle may bring an excluded process back. */
  mayReturnIn(cycle: number, replica: ReplicaId): boolean {
    return this.#standings[replica]?.mayReturnIn(cycle) === true;
  }

  /** Whether a value of the endorser in this cycle would help the other to come back. */
  mayEndorse(endorser: ReplicaId, replica: ReplicaId, cycle: number): boolean {
    const hasEndorsed = this.#standings[replica]?.hasEndorsed(endorser) === true;
    return this.mayReturnIn(cycle, replica) && !hasEndorsed;
  }

  /** A cycle was decided, with these values; `undefined` for one that is missing. */
  decided(cycle: number, values: readonly (CycleValue | undefined)[]): void {
    const awaited = this.#rosters.get(cycle)?.awaited;
    values.forEach((value, index) => {
      const replica = index as ReplicaId;
      if (value) this.#hear(value, replica, cycle);
      else if (awaited?.has(replica)) this.#standings[replica]?.miss(cycle);
    });
    for (const standing of this.#standings) {
      if (standing.isOverdue && this.#excluded.length < this.#resilience.f) standing.exclude(cycle);
      standing.forget(cycle);
    }
    this.#rosters.set(cycle + this.#depth, this.#current());
  }

  /** What is at or below a stable checkpoint is not asked for any more. */
  cut(cycle: number): void {
    for (const known of this.#rosters.keys()) if (known <= cycle) this.#rosters.delete(known);
  }

  /** The state after a cycle was decided. */
  write(writer: Writer, cycle: number): void {
    for (const standing of this.#standings) standing.write(writer);
    for (let next = cycle + 1; next <= cycle + this.#depth; next += 1) {
      writeReplicas(writer, this.#rosters.get(next)?.excluded ?? []);
    }
  }

  read(reader: Reader, cycle: number): void {
    for (const standing of this.#standings) standing.read(reader);
    this.#rosters.clear();
    for (let next = cycle + 1; next <= cycle + this.#depth; next += 1) {
      this.#rosters.set(next, new Roster(this.#resilience, readReplicas(reader)));
    }
  }

  #hear({ readmit, complaints }: CycleValue, from: ReplicaId, cycle: number): void {
    const enough = oneCorrect(this.#resilience);
    for (const complaint of complaints) {
      if (complaint.replica === from) continue;
      this.#standings[complaint.replica]?.complain(from, complaint, cycle, enough);
    }
    for (const replica of readmit) {
      if (replica !== from) this.#standings[replica]?.endorse(from, cycle, enough);
    }
  }

  #current(): Roster {
    invariant(this.#excluded.length <= this.#resilience.f, 'at most f are left out');
    return new Roster(this.#resilience, this.#excluded);
  }

  get #excluded(): ReplicaId[] {
    return this.#standings.flatMap(({ isExcluded }, replica) => {
      return isExcluded ? [replica as ReplicaId] : [];
    });
  }
}
