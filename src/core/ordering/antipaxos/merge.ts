import type { Digest, ReplicaId } from '../../../vocabulary/ids.js';
import type { ReportStatement } from '../../../vocabulary/ordering.js';
import { oneCorrect, type Resilience } from '../../../vocabulary/quorum.js';

/** What a cycle decides: a digest for each process, `null` where its value is missing. */
export type Vector = readonly (Digest | null)[];

/** Processes that take part in a cycle; the same at every correct one. */
export type ActiveSet = ReadonlySet<ReplicaId>;

/**
 * What a correct process reports of a cycle: it is active itself, it reports on active processes only,
 * and it waited for `n - f` of them (line 5).
 */
export function isWellFormed(
  { replica, entries }: ReportStatement,
  active: ActiveSet,
  { n, f }: Resilience,
): boolean {
  const named = entries.flatMap((entry, index) => (entry ? [index as ReplicaId] : []));
  return active.has(replica) && named.length >= n - f && named.every((one) => active.has(one));
}

/**
 * Line 20: reports of all active processes that agree on a value for each of them. `undefined` where
 * that is not so.
 */
export function fastVector(
  reports: readonly ReportStatement[],
  active: ActiveSet,
): Vector | undefined {
  const [first] = reports;
  if (!first || reports.length !== active.size) return undefined;
  const isComplete = first.entries.every((entry, index) => {
    return active.has(index as ReplicaId) === (entry !== null);
  });
  return isComplete && !disagree(reports, active) ? digestsOf(first) : undefined;
}

/** Whether these reports already rule the fast path out: a missing value, or two different ones. */
export function disagree(reports: readonly ReportStatement[], active: ActiveSet): boolean {
  const [first] = reports;
  return reports.some(({ entries }) =>
    entries.some((entry, index) => {
      if (!active.has(index as ReplicaId)) return false;
      return entry === null || entry.digest !== first?.entries[index]?.digest;
    }),
  );
}

/**
 * Whether a set of reports may decide a cycle (table 1, with an active set `A`): `n - f` reports, all of
 * members of `A`. At least `n - 2f >= f + 1` of them are of correct members. If anybody decided on the
 * fast path, all correct members of `A` reported that decision, so its values have `f + 1` reports here
 * and any other value at most `f`: `mergeReports` decides the same. With `e` excluded there are `n - e`
 * members, so `f - e` more may be silent: an excluded process counts as a faulty one.
 */
export function isAssistance(
  reports: readonly ReportStatement[],
  active: ActiveSet,
  resilience: Resilience,
): boolean {
  const reporters = new Set(reports.map(({ replica }) => replica));
  return (
    reporters.size === reports.length &&
    reports.length >= resilience.n - resilience.f &&
    reports.every((report) => isWellFormed(report, active, resilience))
  );
}

/**
 * Lines 36 to 44: for each process a value that `f + 1` reports name; else one that any names; else
 * null. Where the paper leaves the choice, the value that most name, and of those the lowest digest: so
 * the reports alone make the decision.
 */
export function mergeReports(reports: readonly ReportStatement[], resilience: Resilience): Vector {
  return Array.from({ length: resilience.n }, (_, index) => {
    const counts = new Map<Digest, number>();
    for (const { entries } of reports) {
      const digest = entries[index]?.digest;
      if (digest) counts.set(digest, (counts.get(digest) ?? 0) + 1);
    }
    return preferred(counts, oneCorrect(resilience));
  });
}

function preferred(counts: ReadonlyMap<Digest, number>, enough: number): Digest | null {
  const ranked = [...counts].sort(
    ([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1),
  );
  const vouched = ranked.find(([, count]) => count >= enough);
  return (vouched ?? ranked[0])?.[0] ?? null;
}

export function digestsOf({ entries }: ReportStatement): Vector {
  return entries.map((entry) => entry?.digest ?? null);
}
