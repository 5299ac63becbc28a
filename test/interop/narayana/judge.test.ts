import { expect, it } from 'vitest';
import { type Found, judge, type Tried } from './judge.js';
import type { Books } from './wildfly.js';

type Book = Books['A'];
type Outcome = 'committed' | 'rolledBack' | 'unknown' | 'killed';

const triedOnce = (outcome: Outcome, wish: Tried['wish'] = 'commit'): Tried => ({
  ...{ transfer: 't-1', amount: 5, to: ['B', 'bank-b'], wish },
  answer: outcome === 'killed' ? undefined : { outcome, step: 'commit', ms: 1, error: '' },
});
const book = (delta: number, ...steps: Book[number]['steps']): Book => [
  { transfer: 't-1', delta, steps },
];
const committed = { A: book(-5, 'prepared', 'committed'), B: book(5, 'prepared', 'committed') };
const nothing = { A: book(-5, 'rolledBack'), B: [] };
const proved = (...findings: string[]) => [{ transfer: 't-1', findings }];

/** Judges one transfer; what its banks have is proved unless said otherwise. */
function judged(tried: Tried, books: Books, credited: number, found: Partial<Found> = {}) {
  const isCommitted = books.A[0]?.steps.at(-1) === 'committed';
  const proofs = proved(isCommitted ? 'commit' : 'abort', 'absent');
  return judge({ tried: [tried], books, credited, proofs, open: [], ...found });
}

it.each(['committed', 'unknown', 'killed'] as const)(
  'is right where both banks have what a client knows as %s',
  (outcome) => {
    const verdict = judged(triedOnce(outcome), committed, 5);
    expect(verdict).toMatchObject({ committed: 1, isRight: true, sums: { A: -5, B: 5, bank: 5 } });
  },
);

it.each(['rolledBack', 'unknown', 'killed'] as const)(
  'is right where no bank has what a client knows as %s',
  (outcome) => expect(judged(triedOnce(outcome), nothing, 0).isRight).toBe(true),
);

it('is right where the other bank is the cluster’s alone', () => {
  const tried = { ...triedOnce('committed'), to: ['bank-b'] as const };
  expect(judged(tried, { ...committed, B: [] }, 5).isRight).toBe(true);
});

it('is right where no coordinator knows what nothing came of', () => {
  expect(judged(triedOnce('rolledBack'), nothing, 0, { proofs: [] }).isRight).toBe(true);
});

it.each([
  ['split', { ...committed, B: book(5, 'prepared', 'rolledBack') }, 'unknown', 'commit'],
  ['lost', nothing, 'committed', 'commit'],
  ['contrary', committed, 'rolledBack', 'commit'],
  ['contrary', committed, 'killed', 'rollback'],
  ['inDoubt', { ...nothing, B: book(5, 'prepared') }, 'unknown', 'commit'],
] as const)('finds what is %s', (fault, books, outcome, wish) => {
  const verdict = judged(triedOnce(outcome, wish), books, 0);
  expect(verdict[fault]).toEqual(['t-1']);
  expect(verdict.isRight).toBe(false);
});

it.each([
  ['the other outcome', committed, ['abort', 'commit']],
  ['a commit that no bank has', nothing, ['commit']],
  ['nothing of what committed', committed, ['absent', 'absent']],
  ['something that does not verify', committed, ['commit', 'a signature is wrong']],
])('finds where coordinators prove %s', (_, books, findings) => {
  const credited = books === committed ? 5 : 0;
  const verdict = judged(triedOnce('unknown'), books, credited, { proofs: proved(...findings) });
  expect(verdict.unproved).toEqual(['t-1']);
  expect(verdict.isRight).toBe(false);
});

it('is not right where something is open anywhere', () => {
  expect(judged(triedOnce('committed'), committed, 5, { open: ['XTS'] }).isRight).toBe(false);
});

it.each([
  ['a posting that commits twice', book(5, 'committed', 'committed'), 5],
  ['a credit at the bank of the cluster that is not there', committed.B, 0],
])('finds %s by the sums', (_, B, credited) => {
  expect(judged(triedOnce('committed'), { ...committed, B }, credited).isRight).toBe(false);
});
