import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initiatorId, transactionId } from '../../../src/kernel/ids.js';
import { type FinalAnswer, ReplyMatcher } from '../../../src/service/client/poll-core.js';

const tidNumber = (n: number) => transactionId(`00000000-0000-8000-8000-00000000000${n}`);

const word = (n: number, outcome: 'committed' | 'aborted', reason?: string): FinalAnswer => ({
  kind: 'outcome',
  result: { transactionId: tidNumber(n), outcome, ...(reason === undefined ? {} : { reason }) },
});
const refusal = (fault: string): FinalAnswer => ({ kind: 'refusal', fault, isTooOld: false });
const tooOld = (fault: string): FinalAnswer => ({ kind: 'refusal', fault, isTooOld: true });

/** The verdicts as three initiators have their say, where f is 1. */
function verdicts(...words: FinalAnswer[]) {
  const matcher = new ReplyMatcher(2, 3);
  return words.map((each, index) => matcher.add(initiatorId(index), each));
}

describe('ReplyMatcher', () => {
  it('believes f + 1 that say the same, and no fewer', () => {
    expect(verdicts(word(1, 'committed'), word(1, 'committed'))).toMatchObject([
      { kind: 'open' },
      { kind: 'result', result: { transactionId: tidNumber(1), outcome: 'committed' } },
    ]);
  });

  it('counts every initiator once', () => {
    const matcher = new ReplyMatcher(2, 3);
    matcher.add(initiatorId(0), word(1, 'committed'));
    expect(matcher.add(initiatorId(0), word(1, 'committed'))).toEqual({ kind: 'open' });
  });

  it('takes neither the outcome nor the transaction id from one alone', () => {
    expect(
      verdicts(word(1, 'committed'), word(1, 'aborted'), word(2, 'committed')).map((v) => v.kind),
    ).toEqual(['open', 'open', 'disagreement']);
  });

  it('gives the reason only where f + 1 give the same', () => {
    expect(verdicts(word(1, 'aborted', 'A'), word(1, 'aborted', 'A'))[1]).toEqual({
      kind: 'result',
      result: { transactionId: tidNumber(1), outcome: 'aborted', reason: 'A' },
    });
    expect(verdicts(word(1, 'aborted', 'A'), word(1, 'aborted', 'B'))[1]).toEqual({
      kind: 'result',
      result: { transactionId: tidNumber(1), outcome: 'aborted' },
    });
  });

  it('sees when no outcome can come any more', () => {
    expect(verdicts(refusal('Stale'), refusal('Stale'))[1]).toEqual({
      kind: 'refused',
      fault: 'Stale',
      isTooOld: false,
    });
    expect(verdicts(refusal('Stale'), refusal('Busy'))[1]).toEqual({ kind: 'disagreement' });
    expect(verdicts(refusal('Stale'), word(1, 'aborted'))[1]).toEqual({ kind: 'open' });
  });

  it('takes "too old" as what contradicts no outcome', () => {
    const [one, other] = [tooOld('StaleRequest'), tooOld('TooOld')];
    const forgotten = { kind: 'refused', isTooOld: true };
    // A liar, an initiator that knows the outcome, and one that has restarted since.
    expect(verdicts(word(1, 'committed'), word(2, 'aborted'), one)[2]).toMatchObject(forgotten);
    expect(verdicts(one, word(2, 'aborted'), word(1, 'committed'))[2]).toMatchObject(forgotten);
    // Alike, though in other words.
    expect(verdicts(one, other)[1]).toMatchObject(forgotten);
    // The liar is the one that calls it too old.
    expect(verdicts(one, word(1, 'committed'))[1]).toEqual({ kind: 'open' });
    expect(verdicts(one, word(1, 'committed'), word(1, 'committed'))[2]?.kind).toBe('result');
    expect(verdicts(one, refusal('Busy'))[1]).toEqual({ kind: 'open' });
  });

  it('never believes what fewer than f + 1 of n initiators say', () => {
    const anyWord = fc.oneof(
      fc
        .tuple(fc.integer({ min: 1, max: 2 }), fc.constantFrom('committed', 'aborted'))
        .map(([n, outcome]) => word(n, outcome)),
      fc.constantFrom('Stale', 'Busy').map(refusal),
    );
    const said = fc.array(fc.tuple(fc.nat(4), anyWord), { maxLength: 12 });
    fc.assert(
      fc.property(said, (words) => {
        const matcher = new ReplyMatcher(3, 5);
        const first = new Map<number, FinalAnswer>();
        for (const [initiator, each] of words) {
          if (!first.has(initiator)) first.set(initiator, each);
          const verdict = matcher.add(initiatorId(initiator), each);
          const alike = [...first.values()].filter(
            (other) =>
              verdict.kind === 'result' &&
              other.kind === 'outcome' &&
              other.result.outcome === verdict.result.outcome &&
              other.result.transactionId === verdict.result.transactionId,
          );
          if (verdict.kind === 'result') expect(alike.length).toBeGreaterThanOrEqual(3);
        }
      }),
    );
  });
});
