import type { Planned } from './plan.js';
import type { Proved } from './proofs.js';
import { lastOf } from './scenarios.js';
import type { Books, TransferAnswer } from './wildfly.js';

/** One transfer of a crash run, and what its client knows; undefined where the client was killed. */
export interface Tried extends Planned {
  readonly answer: TransferAnswer | undefined;
}

/** What transfers have changed in sum: at banks A and B of plain software, and at the cluster's. */
export interface Sums {
  readonly A: number;
  readonly B: number;
  readonly bank: number;
}

/** What a crash run has come to. */
export interface Found {
  readonly tried: readonly Tried[];
  readonly books: Books;
  /** By how much the balance at the cluster's bank has grown. */
  readonly credited: number;
  /** Of transfers whose transaction is known. */
  readonly proofs: readonly Proved[];
  /** What is open at the end, wherever. */
  readonly open: readonly string[];
}

/** What must not be: names of transfers. */
export interface Verdict {
  /** Committed at one bank and not at the other. */
  readonly split: readonly string[];
  /** Its client was told that it committed, and it did not. */
  readonly lost: readonly string[];
  /** Its client was told that it did not, or never asked for it, and it committed. */
  readonly contrary: readonly string[];
  /** Prepared at a bank of plain software, without an outcome. */
  readonly inDoubt: readonly string[];
  /** Coordinators prove another outcome than the banks have, or two; or none of what committed. */
  readonly unproved: readonly string[];
  /** What is open at the end, wherever. */
  readonly open: readonly string[];
  readonly committed: number;
  /** Transfers whose outcome at least one coordinator proves, and proofs that were checked in all. */
  readonly proved: {
    readonly committed: number;
    readonly aborted: number;
    readonly proofs: number;
  };
  readonly sums: Sums;
  /** By what committed at bank A. */
  readonly expected: Sums;
  readonly isRight: boolean;
}

export function inDoubtIn({ A, B }: Books): string[] {
  return [...A, ...B]
    .filter(({ steps }) => steps.at(-1) === 'prepared')
    .map(({ transfer }) => transfer);
}

interface Row extends Tried {
  readonly atA: boolean;
  readonly atB: boolean;
  /** Of each coordinator. */
  readonly findings: readonly string[];
}

export function judge({ tried, books, credited, proofs, open }: Found): Verdict {
  const findings = new Map(proofs.map((proof) => [proof.transfer, proof.findings]));
  const committedAt = (bank: keyof Books, transfer: string) =>
    lastOf(books[bank], transfer) === 'committed';
  const rows = tried.map(
    (each): Row => ({
      ...each,
      atA: committedAt('A', each.transfer),
      atB: committedAt('B', each.transfer),
      findings: findings.get(each.transfer) ?? [],
    }),
  );
  const names = (is: (row: Row) => boolean) => rows.filter(is).map(({ transfer }) => transfer);
  const wrong = {
    split: names(isSplit),
    lost: names(({ answer, atA }) => answer?.outcome === 'committed' && !atA),
    contrary: names(
      ({ answer, wish, atA, atB }) =>
        (answer?.outcome === 'rolledBack' || wish !== 'commit') && (atA || atB),
    ),
    inDoubt: inDoubtIn(books),
    unproved: names(isUnproved),
    open,
  };
  const committed = rows.filter(({ atA }) => atA);
  const sums = { A: total(books.A, tried), B: total(books.B, tried), bank: credited };
  const expected = expectedOf(committed);
  const areSumsRight =
    sums.A === expected.A && sums.B === expected.B && sums.bank === expected.bank;
  const isClean = Object.values(wrong).every(({ length }) => length === 0);
  return {
    ...wrong,
    ...{ committed: committed.length, proved: provedIn(rows), sums, expected },
    isRight: isClean && areSumsRight,
  };
}

function isSplit({ to, atA, atB }: Row): boolean {
  return atB !== (atA && to.includes('B'));
}

function isUnproved({ findings, atA }: Row): boolean {
  const said = findings.filter((finding) => finding !== 'absent');
  const expected = atA ? 'commit' : 'abort';
  return said.some((finding) => finding !== expected) || (atA && said.length === 0);
}

function provedIn(rows: readonly Row[]): Verdict['proved'] {
  const having = (outcome: string) => rows.filter(({ findings }) => findings.includes(outcome));
  const proofs = rows.flatMap(({ findings }) => findings).filter((it) => it !== 'absent').length;
  return { committed: having('commit').length, aborted: having('abort').length, proofs };
}

function expectedOf(committed: readonly Planned[]): Sums {
  const sum = (some: readonly Planned[]) => some.reduce((all, { amount }) => all + amount, 0);
  const credit = (bank: Planned['to'][number]) =>
    sum(committed.filter(({ to }) => to.includes(bank)));
  return { A: -sum(committed), B: credit('B'), bank: credit('bank-b') };
}

/** Of these transfers. A posting that commits twice counts twice. */
function total(book: Books['A'], tried: readonly Tried[]): number {
  const names = new Set(tried.map(({ transfer }) => transfer));
  return book
    .filter(({ transfer }) => names.has(transfer))
    .flatMap(({ steps, delta }) => steps.map((step) => (step === 'committed' ? delta : 0)))
    .reduce((sum, delta) => sum + delta, 0);
}
