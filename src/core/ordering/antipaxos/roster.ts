import type { ReplicaId } from '../../../vocabulary/ids.js';
import type { ReportEntry } from '../../../vocabulary/ordering.js';
import type { Resilience } from '../../../vocabulary/quorum.js';

/**
 * Who takes part in a cycle, and how; the same at every correct process. Nobody waits for those who are
 * excluded.
 *
 * - Nobody is: Antipaxos as it is published.
 * - One is: the fast path goes on without it, and only the reports of the `n - 1` others decide.
 * - More are: there is no fast path that a decision could contradict, so everybody's reports count.
 *
 * With one excluded, `n - 1 - f >= 2f` reports are enough to decide (see `mergeReports`). So `f` silent
 * processes stop nobody, whoever is excluded besides: exclusion spends none of the fault budget.
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
