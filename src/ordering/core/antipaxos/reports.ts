import { type Digest, oneCorrect, type ReplicaId } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import type { ReportStatement } from '../../types.js';
import type { Roster } from './membership.js';

type Report = Signed<ReportStatement>;

/**
 * The reports of one cycle. One counts once the values that it names are at hand: one that names a value
 * which nobody has never does, and a correct reporter hands its values over (protocols.md 3.2). What was
 * judged is not judged again.
 */
export class Reports {
  /** At most one of each process (§4.1). */
  readonly #all = new Map<ReplicaId, Report>();
  #unjudged: Report[] = [];
  /** Well-formed, but some value is missing. */
  #incomplete: Report[] = [];
  readonly #usable: Report[] = [];
  #isSplit = false;

  get(replica: ReplicaId): Report | undefined {
    return this.#all.get(replica);
  }

  has(replica: ReplicaId): boolean {
    return this.#all.has(replica);
  }

  /** Those that have come, whether they count or not. */
  get count(): number {
    return this.#all.size;
  }

  values(): Iterable<Report> {
    return this.#all.values();
  }

  add(report: Report): void {
    this.#all.set(report.statement.replica, report);
    this.#unjudged.push(report);
  }

  /** Reports that count, sorted by reporter. */
  get usable(): readonly Report[] {
    return [...this.#usable].sort((a, b) => a.statement.replica - b.statement.replica);
  }

  get usableCount(): number {
    return this.#usable.length;
  }

  /** Whether they rule the fast path out already. */
  get isSplit(): boolean {
    return this.#isSplit;
  }

  /** Reports that wait for a value. */
  get incomplete(): readonly Report[] {
    return this.#incomplete;
  }

  /** A value has come that some waited for. */
  retry(): void {
    this.#unjudged.push(...this.#incomplete);
    this.#incomplete = [];
  }

  /** Judges what is new. */
  judge(roster: Roster, isAtHand: (statement: ReportStatement) => boolean): void {
    for (const report of this.#unjudged) {
      const { statement } = report;
      if (!isWellFormed(statement, roster)) continue;
      if (isAtHand(statement)) this.#use(report, roster);
      else this.#incomplete.push(report);
    }
    this.#unjudged = [];
  }

  /** Line 20. */
  fastVector(roster: Roster): Vector | undefined {
    if (this.#isSplit || this.#usable.length !== roster.awaited.size) return undefined;
    return fastVector(
      this.#usable.map(({ statement }) => statement),
      roster,
    );
  }

  #use(report: Report, roster: Roster): void {
    this.#usable.push(report);
    const first = this.#usable[0] ?? report;
    this.#isSplit ||= rulesOutFastPath([first.statement, report.statement], roster);
  }
}

/** What a cycle decides: a digest for each process, `null` where its value is missing. */
export type Vector = readonly (Digest | null)[];

/** What a correct process reports of a cycle: its report counts, and it names `n - f` values (line 5). */
export function isWellFormed({ replica, entries }: ReportStatement, roster: Roster): boolean {
  const named = entries.filter((entry) => entry !== null).length;
  return roster.reporters.has(replica) && named >= roster.usual;
}

/**
 * Line 20: reports of all that are waited for, and they agree on a value for each of those and for
 * nobody else. `undefined` where that is not so.
 */
export function fastVector(
  reports: readonly ReportStatement[],
  roster: Roster,
): Vector | undefined {
  const [first] = reports;
  const from = new Set(reports.map(({ replica }) => replica));
  const isComplete = [...roster.awaited].every((replica) => from.has(replica));
  const isOfThem = reports.length === roster.awaited.size && isComplete;
  return first && isOfThem && !rulesOutFastPath(reports, roster) ? digestsOf(first) : undefined;
}

/** Whether these reports rule the fast path out: a missing value, one too many, or two different ones. */
function rulesOutFastPath(reports: readonly ReportStatement[], roster: Roster): boolean {
  const [first] = reports;
  return (
    !roster.hasFastPath ||
    reports.some(({ entries }) =>
      entries.some((entry, index) => {
        if (!roster.awaited.has(index as ReplicaId)) return entry !== null;
        return entry === null || entry.digest !== first?.entries[index]?.digest;
      }),
    )
  );
}

/** Whether a set of reports may decide a cycle (table 1, with a roster). */
export function isAssistance(reports: readonly ReportStatement[], roster: Roster): boolean {
  const reporters = new Set(reports.map(({ replica }) => replica));
  return (
    reporters.size === reports.length &&
    reports.length >= roster.least &&
    reports.every((report) => isWellFormed(report, roster))
  );
}

/**
 * Lines 36 to 44: for each process a value that `f + 1` reports name; else one that any names; else
 * null. Where the paper leaves the choice, the value that most name, without those reporters that are
 * proved to lie; of these the lowest digest. So the reports and the roster alone make the decision.
 *
 * It is that of the fast path, where anybody may have decided there. All correct reporters have reported
 * that decision then, one value for each that is waited for, so at most `f` reports differ from it. Of
 * `2f` or more reports:
 *
 * - another value with `f + 1` reports would have a correct one;
 * - where all that name a value name the same one, a correct report (there are `f` at least) is among
 *   them;
 * - where two values of one process are named, that process has signed both, so it is a liar. Without the
 *   `k >= 1` proposers that are proved so, at most `f - k` reports differ, and at least `f` do not;
 * - for one that is excluded, a value counts with `f + 1` reports only: the fast path has none of it.
 *
 * Where no report names a value of one that is waited for, nobody has decided on the fast path, and the
 * values of the excluded count like all others. So no more than `f` values are missing: those of the
 * excluded, or else those that are in none of the reports, each of which names `n - f`.
 */
export function mergeReports(reports: readonly ReportStatement[], roster: Roster): Vector {
  const named = Array.from({ length: roster.resilience.n }, (_, index) => countsOf(reports, index));
  const liars = new Set(named.flatMap(({ size }, index) => (size > 1 ? [index as ReplicaId] : [])));
  const believed = reports.filter(({ replica }) => !liars.has(replica));
  const mayBeFast =
    roster.hasFastPath && [...roster.awaited].every((replica) => (named[replica]?.size ?? 0) > 0);
  return named.map((counts, index) => {
    const vouched = preferred(counts, oneCorrect(roster.resilience));
    if (vouched !== null) return vouched;
    if (mayBeFast && roster.excluded.has(index as ReplicaId)) return null;
    return preferred(countsOf(believed, index), 1) ?? preferred(counts, 1);
  });
}

/** How many reports name which value of a process. */
function countsOf(reports: readonly ReportStatement[], index: number): Map<Digest, number> {
  const counts = new Map<Digest, number>();
  for (const { entries } of reports) {
    const digest = entries[index]?.digest;
    if (digest) counts.set(digest, (counts.get(digest) ?? 0) + 1);
  }
  return counts;
}

/** The value that most name, if that many do; of two the lower digest. */
function preferred(counts: ReadonlyMap<Digest, number>, enough: number): Digest | null {
  const [first] = [...counts].sort(
    ([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1),
  );
  return first && first[1] >= enough ? first[0] : null;
}

export function digestsOf({ entries }: ReportStatement): Vector {
  return entries.map((entry) => entry?.digest ?? null);
}
