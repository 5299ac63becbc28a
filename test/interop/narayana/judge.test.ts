import { expect, it } from 'vitest';
import { judge, type Tried } from './judge.js';
import type { Books } from './wildfly.js';

type Book = Books['A'];
type Outcome = 'committed' | 'rolledBack' | 'unknown' | 'killed';

const triedOnce = (outcome: Outcome, wish: Tried['wish'] = 'commit'): Tried => ({
  ...{ transfer: 't-1', amount: 5, isMixed: true, wish },
  answer: outcome === 'killed' ? undefined : { outcome, step: 'commit', ms: 1, error: '' },
});
const book = (delta: number, ...steps: Book[number]['steps']): Book => [
  { transfer: 't-1', delta, steps },
];
const committed = { A: book(-5, 'prepared', 'committed'), B: book(5, 'prepared', 'committed') };
const nothing = { A: book(-5, 'rolledBack'), B: [] };

it.each(['committed', 'unknown', 'killed'] as const)(
  'is right where both banks have what a client knows as %s',
  (outcome) => {
    const verdict = judge([triedOnce(outcome)], committed, 5);
    expect(verdict).toMatchObject({ committed: 1, isRight: true, sums: { A: -5, B: 5, bank: 5 } });
  },
);

it.each(['rolledBack', 'unknown', 'killed'] as const)(
  'is right where no bank has what a client knows as %s',
  (outcome) => expect(judge([triedOnce(outcome)], nothing, 0).isRight).toBe(true),
);

it.each([
  ['split', { ...committed, B: book(5, 'prepared', 'rolledBack') }, 'unknown', 'commit'],
  ['lost', nothing, 'committed', 'commit'],
  ['contrary', committed, 'rolledBack', 'commit'],
  ['contrary', committed, 'killed', 'rollback'],
  ['inDoubt', { ...nothing, B: book(5, 'prepared') }, 'unknown', 'commit'],
] as const)('finds what is %s', (fault, books, outcome, wish) => {
  const verdict = judge([triedOnce(outcome, wish)], books, 0);
  expect(verdict[fault]).toEqual(['t-1']);
  expect(verdict.isRight).toBe(false);
});

it.each([
  ['a posting that commits twice', book(5, 'committed', 'committed'), 5],
  ['a credit at the bank of the cluster that is not there', committed.B, 0],
])('finds %s by the sums', (_, B, credited) => {
  expect(judge([triedOnce('committed')], { ...committed, B }, credited).isRight).toBe(false);
});
