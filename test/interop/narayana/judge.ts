import { lastOf } from './scenarios.js';
import type { Books, TransferAnswer } from './wildfly.js';

/** One transfer of a crash run, and what its client knows; undefined where the client was killed. */
export interface Tried {
  readonly transfer: string;
  readonly amount: number;
  readonly isMixed: boolean;
  /** What its client asked for, or would have had but for a vote. */
  readonly wish: 'commit' | 'rollback' | 'abort vote';
  readonly answer: TransferAnswer | undefined;
}

export interface Sums {
  /** What the transfers have changed in sum: at banks A and B of plain software, and at the cluster's. */
  readonly A: number;
  readonly B: number;
  readonly bank: number;
}

/** What must not be: names of transfers. */
export interface Verdict {
  /** Committed at one bank and not at the other. */
  readonly split: readonly string[];
  /** Its client was told that it committed, and it did not. */
  readonly lost: readonly string[];
  /** Its client was told that it did not, or never asked for it, and it committed. */
  readonly contrary: readonly string[];
  /** Prepared, without an outcome. */
  readonly inDoubt: readonly string[];
  readonly committed: number;
  readonly sums: Sums;
  /** By what committed at bank B. */
  readonly expected: Sums;
  readonly isRight: boolean;
}

export function inDoubtIn({ A, B }: Books): string[] {
  return [...A, ...B]
    .filter(({ steps }) => steps.at(-1) === 'prepared')
    .map(({ transfer }) => transfer);
}

/** `credited`: by how much the balance at the cluster's bank has grown. */
export function judge(tried: readonly Tried[], books: Books, credited: number): Verdict {
  const rows = tried.map((each) => ({
    ...each,
    atA: lastOf(books.A, each.transfer) === 'committed',
    atB: lastOf(books.B, each.transfer) === 'committed',
  }));
  const names = (some: typeof rows) => some.map(({ transfer }) => transfer);
  const split = names(rows.filter(({ atA, atB }) => atA !== atB));
  const lost = names(
    rows.filter(({ answer, atA, atB }) => answer?.outcome === 'committed' && !(atA && atB)),
  );
  const contrary = names(
    rows.filter(
      ({ answer, wish, atA, atB }) =>
        (answer?.outcome === 'rolledBack' || wish !== 'commit') && (atA || atB),
    ),
  );
  const inDoubt = inDoubtIn(books);
  const sum = (some: typeof rows) => some.reduce((total, { amount }) => total + amount, 0);
  const committed = rows.filter(({ atB }) => atB);
  const sums = { A: total(books.A, tried), B: total(books.B, tried), bank: credited };
  const expected = {
    A: -sum(committed),
    B: sum(committed),
    bank: sum(committed.filter(({ isMixed }) => isMixed)),
  };
  const areSumsRight =
    sums.A === expected.A && sums.B === expected.B && sums.bank === expected.bank;
  const isClean = [split, lost, contrary, inDoubt].every(({ length }) => length === 0);
  return {
    ...{ split, lost, contrary, inDoubt, committed: committed.length, sums, expected },
    isRight: isClean && areSumsRight,
  };
}

/** Of these transfers. A posting that commits twice counts twice. */
function total(book: Books['A'], tried: readonly Tried[]): number {
  const names = new Set(tried.map(({ transfer }) => transfer));
  return book
    .filter(({ transfer }) => names.has(transfer))
    .flatMap(({ steps, delta }) => steps.map((step) => (step === 'committed' ? delta : 0)))
    .reduce((sum, delta) => sum + delta, 0);
}
