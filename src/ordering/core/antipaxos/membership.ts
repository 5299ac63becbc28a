import type { Reader, Writer } from '../../../kernel/codec/bytes.js';
import { invariant } from '../../../kernel/core.js';
import { oneCorrect, type ReplicaId, type Resilience } from '../../../kernel/ids.js';
import { orderingLimits } from '../../fields.js';
import type { Complaint, ComplaintKind, Cycle, CycleValue, ReportEntry } from '../../types.js';
import { readReplicas, Standing, writeReplicas } from './standing.js';

const nobody: readonly ReplicaId[] = [];

/**
 * Which processes take part in which cycle. It follows from decided values alone, so it is the same for everybody:
 * what cycle `c` decides takes effect in cycle `c + depth`, which nobody starts before delivering `c`.
 *
 * A process is left out, at most `f` at a time, when the others waited for it in vain in so many cycles
 * in a row: its value was missing (null), or `f + 1` complain in their values that it was in the way of
 * the fast path; or when `f + 1` find it slow in a quarter of the cycles of late. (That cannot be read off the Decision Module's log: others may have decided the same
 * cycle without it, and the process that asks it chooses which reports it sees.) It comes back when `f + 1`
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

  /** Whether this cycle waits for a process that later cycles leave out. */
  isOutdated(cycle: number): boolean {
    const excluded = this.#excluded;
    const awaited = excluded.length > 0 ? this.#rosters.get(cycle)?.awaited : undefined;
    return awaited !== undefined && excluded.some((replica) => awaited.has(replica));
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

  get #excluded(): readonly ReplicaId[] {
    if (!this.#standings.some(({ isExcluded }) => isExcluded)) return nobody;
    return this.#standings.flatMap(({ isExcluded }, replica) => {
      return isExcluded ? [replica as ReplicaId] : [];
    });
  }
}

/**
 * The processes that take part in a cycle, and how; the same at every correct process. Nobody waits for those who are
 * excluded.
 *
 * - Nobody is: Antipaxos as it is published.
 * - One is: the fast path goes on without it, and only the reports of the `n - 1` others decide.
 * - More are: there is no fast path that a decision could contradict, so everybody's reports count.
 *
 * With one excluded, `n - 1 - f >= 2f` reports are enough to decide (see `mergeReports`). So `f` silent
 * processes stop nobody, whichever are excluded besides: exclusion spends none of the fault budget.
 */
export class Roster {
  readonly resilience: Resilience;
  readonly excluded: ReadonlySet<ReplicaId>;
  /** Those whose values and reports are waited for; also those who may start a cycle. */
  readonly awaited: ReadonlySet<ReplicaId>;
  /** Those whose reports count. */
  readonly reporters: ReadonlySet<ReplicaId>;
  readonly hasFastPath: boolean;

  constructor(resilience: Resilience, excluded: Iterable<ReplicaId>) {
    const everybody = Array.from({ length: resilience.n }, (_, index) => index as ReplicaId);
    this.resilience = resilience;
    this.excluded = new Set([...excluded].sort((a, b) => a - b));
    this.awaited = new Set(everybody.filter((replica) => !this.excluded.has(replica)));
    this.hasFastPath = this.excluded.size <= 1;
    this.reporters = this.hasFastPath ? this.awaited : new Set(everybody);
  }

  /** Values, and reports, that a phase waits for however long it takes (lines 5 and 18). */
  get usual(): number {
    return this.resilience.n - this.resilience.f;
  }

  /** Reports that decide, where the usual number does not come: all that `f` silent ones leave. */
  get least(): number {
    return this.reporters.size - this.resilience.f;
  }

  /** Whether a report names a value of each process that is waited for. */
  isComplete(entries: readonly (ReportEntry | null)[]): boolean {
    return [...this.awaited].every((replica) => entries[replica] !== null);
  }

  /** Whether it takes part as this one does. */
  excludes(others: readonly ReplicaId[]): boolean {
    return others.length === this.excluded.size && others.every((one) => this.excluded.has(one));
  }
}

/** What this process says of others in its next value: which are back, and which were in the way. */
export class Observations {
  readonly #self: ReplicaId;
  readonly #membership: Membership;
  /** Excluded processes that have shown to be back. */
  readonly #returned = new Set<ReplicaId>();
  /** The last cycle in which this process said so. */
  #endorsedIn = 0;
  #complaints: Complaint[] = [];

  constructor(self: ReplicaId, membership: Membership) {
    this.#self = self;
    this.#membership = membership;
  }

  /** An excluded process is back. */
  noteReturn(replica: ReplicaId): void {
    if (this.#membership.isExcluded(replica)) this.#returned.add(replica);
  }

  /** Of one process it says one thing a cycle: of two the graver. */
  complain(cycle: Cycle, culprits: Iterable<ReplicaId>, what: ComplaintKind): void {
    for (const replica of culprits) {
      const isThis = (one: Complaint) => one.cycle === cycle && one.replica === replica;
      const isSaid = this.#complaints.some((one) => isThis(one) && one.what === 'absent');
      if (isSaid) continue;
      this.#complaints = this.#complaints.filter((one) => !isThis(one));
      this.#complaints.push({ cycle, replica, what });
    }
    this.#complaints = this.#complaints.slice(-orderingLimits.complaints);
  }

  /** Whether this cycle should start if only to say that a process is back. */
  isAwaited(cycle: number, delivered: number): boolean {
    return this.#endorsedIn <= delivered && this.#readmitIn(cycle).length > 0;
  }

  /** For the value of a cycle. What it complains of it does not repeat. */
  take(cycle: Cycle): Pick<CycleValue, 'readmit' | 'complaints'> {
    const readmit = this.#readmitIn(cycle);
    if (readmit.length > 0) this.#endorsedIn = cycle;
    const complaints = this.#complaints.sort((a, b) => a.cycle - b.cycle || a.replica - b.replica);
    this.#complaints = [];
    return { readmit, complaints };
  }

  #readmitIn(cycle: number): readonly ReplicaId[] {
    if (this.#returned.size === 0) return nobody;
    for (const replica of this.#returned) {
      if (!this.#membership.isExcluded(replica)) this.#returned.delete(replica);
    }
    return [...this.#returned]
      .filter((replica) => this.#membership.mayEndorse(this.#self, replica, cycle))
      .sort((a, b) => a - b);
  }
}
