import type { ReplicaId } from '../../../vocabulary/ids.js';
import type { ReportStatement } from '../../../vocabulary/ordering.js';
import type { Signed } from '../../../vocabulary/statements.js';
import { fastVector, isWellFormed, rulesOutFastPath, type Vector } from './merge.js';
import type { Roster } from './roster.js';

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
