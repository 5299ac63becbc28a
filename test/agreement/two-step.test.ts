import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fastQuorum,
  silentBorne,
  type TwoStepChoice,
  type TwoStepVote,
  twoStepChoice,
} from '../../src/agreement/two-step.js';
import type { ReplicaId, Resilience, View } from '../../src/kernel/ids.js';
import { type Rule, TwoStepModel } from './two-step-model.js';

type At = readonly [view: number, value: string] | null;

function vote(replica: number, acked: At, certified: At = null): TwoStepVote<string> {
  const of = (at: At) => at && { view: at[0] as View, value: at[1] };
  return { replica: replica as ReplicaId, acked: of(acked), certified: of(certified) };
}

const four: Resilience = { n: 4, f: 1 };
const required = (value: string, isVouched: boolean): TwoStepChoice<string> => ({
  kind: 'required',
  value,
  isVouched,
});

const seven: Resilience = { n: 7, f: 2 };
/**
 * Replicas 0 and 6 lie. In view 0 they and replicas 1 to 3 acknowledged a, the others b, so replica 6 has a certificate
 * of a. View 1 started without it and was free to propose c.
 */
const laterThanProof = [
  vote(1, [1, 'c']),
  vote(2, [1, 'c']),
  vote(3, [0, 'a']),
  vote(4, [1, 'c']),
  vote(6, [0, 'a'], [0, 'a']),
];

describe('the bound of two steps', () => {
  it.each([
    [1, 0, 0],
    [4, 1, 1],
    [5, 1, 1],
    [7, 2, 1],
    [8, 2, 1],
    [9, 2, 2],
    [10, 3, 1],
    [12, 3, 2],
    [14, 3, 3],
    [16, 5, 1],
  ])('with n = %i and f = %i bears t = %i silent replicas', (n, f, t) => {
    expect(silentBorne({ n, f })).toBe(t);
    expect(fastQuorum({ n, f })).toBe(n - t);
    if (f === 0) return;
    const holds = (silent: number) => n >= Math.max(3 * f + 1, 3 * f + 2 * silent - 1);
    expect(holds(t)).toBe(true);
    expect(t === f || !holds(t + 1)).toBe(true);
  });
});

/** Plays a game against the rule; what was decided in it. */
function play(
  resilience: Resilience,
  rule: Rule,
  choices: readonly number[],
): { decided: number; opened: number } {
  let next = 0;
  const model = new TwoStepModel(resilience, rule, (count) => {
    const chosen = (choices[next % choices.length] ?? 0) + Math.floor(next / choices.length);
    next += 1;
    return count === 0 ? 0 : chosen % count;
  });
  for (let step = 0; step < 60; step += 1) model.step();
  return { decided: model.decided.size, opened: model.opened };
}

const sizes: readonly Resilience[] = [
  { n: 4, f: 1 },
  { n: 5, f: 1 },
  { n: 6, f: 1 },
  { n: 7, f: 2 },
  { n: 8, f: 2 },
  { n: 9, f: 2 },
];

describe('what a new view must propose', () => {
  it.each(sizes)('is what was decided, for n = $n and f = $f, whatever liars show', (size) => {
    let opened = 0;
    let decided = 0;
    fc.assert(
      fc.property(fc.array(fc.nat(999), { minLength: 400, maxLength: 400 }), (choices) => {
        const game = play(size, twoStepChoice, choices);
        opened += game.opened;
        decided += game.decided;
        expect(game.decided).toBeLessThanOrEqual(1);
      }),
      { numRuns: 1500, seed: 20 },
    );
    // The games are worth something: views change in them, and much is decided.
    expect(opened).toBeGreaterThan(1500);
    expect(decided).toBeGreaterThan(300);
  });

  it('waits for n - f votes', () => {
    expect(twoStepChoice([vote(1, [0, 'a']), vote(2, [0, 'a'])], four).kind).toBe('wait');
  });

  it('is anything where nobody has acknowledged anything', () => {
    expect(
      twoStepChoice(
        [1, 2, 3].map((one) => vote(one, null)),
        four,
      ),
    ).toEqual({ kind: 'free' });
  });

  it('is the only value of the highest view, be it acknowledged once', () => {
    const votes = [vote(0, null), vote(1, [0, 'a']), vote(2, null)];
    expect(twoStepChoice(votes, four)).toEqual(required('a', false));
    expect(twoStepChoice([...votes, vote(3, [0, 'a'])], four)).toEqual(required('a', true));
  });

  it('is free where too few have acknowledged anything: the old primary alone does not bind for ever', () => {
    const votes = [vote(0, [0, 'a']), vote(1, null), vote(2, null), vote(3, null)];
    expect(twoStepChoice(votes.slice(0, 3), four)).toEqual(required('a', false));
    expect(twoStepChoice(votes, four)).toEqual({ kind: 'free' });
    const some = [vote(0, [0, 'a']), ...[1, 2, 3, 4].map((one) => vote(one, null))];
    expect(twoStepChoice(some, seven)).toEqual({ kind: 'free' });
  });

  it('is what one certificate has, however few have acknowledged anything: its quorum may have committed', () => {
    // Five committed: two of them lie and show nothing, and two do not vote.
    const votes = [vote(0, [0, 'a'], [0, 'a']), ...[1, 2, 3, 4].map((one) => vote(one, null))];
    expect(twoStepChoice(votes, seven)).toEqual(required('a', true));
  });

  it('follows views before anything: a later acknowledgement beats an earlier certificate', () => {
    expect(twoStepChoice(laterThanProof, seven)).toEqual(required('c', true));
    const [once] = laterThanProof.filter(({ acked }) => acked?.value === 'c');
    const rest = laterThanProof.filter(({ acked }) => acked?.value !== 'c');
    const silent = [vote(4, null), vote(5, null)];
    if (once)
      expect(twoStepChoice([once, ...rest, ...silent], seven)).toEqual(required('c', false));
  });

  it('is what a certificate of the highest view has, though its primary signed another value', () => {
    const votes = [vote(0, [0, 'b']), vote(1, [0, 'a'], [0, 'a']), vote(2, [0, 'b'])];
    expect(twoStepChoice(votes, four)).toEqual(required('a', true));
  });

  it('does without the vote of a primary that signed two values, and waits for that', () => {
    const votes = [vote(0, [0, 'b']), vote(1, [0, 'a']), vote(2, [0, 'a'])];
    expect(twoStepChoice(votes, four).kind).toBe('wait');
    expect(twoStepChoice([...votes, vote(3, null)], four)).toEqual(required('a', true));
    const none = [vote(1, [0, 'a']), vote(2, [0, 'b']), vote(3, null)];
    expect(twoStepChoice(none, four)).toEqual({ kind: 'free' });
  });

  it('counts by how many vote, for n lies between the bounds: f + t votes decide nothing', () => {
    const five: Resilience = { n: 5, f: 1 };
    // Two values have f + t = 2 votes each, so neither can have had n - t = 4 acknowledgements.
    const torn = [vote(1, [0, 'a']), vote(2, [0, 'a']), vote(3, [0, 'b']), vote(4, [0, 'b'])];
    expect(twoStepChoice(torn, five)).toEqual({ kind: 'free' });
    // Replicas 1, 2 and 3 acknowledged b, and with the primary that makes four.
    const fast = [vote(4, [0, 'a']), vote(1, [0, 'b']), vote(2, [0, 'b']), vote(3, [0, 'b'])];
    expect(twoStepChoice(fast, five)).toEqual(required('b', true));
    const all = [1, 2, 3, 4, 5, 6].map((one) => vote(one, [0, one <= 3 ? 'a' : 'b']));
    expect(twoStepChoice(all, seven)).toEqual({ kind: 'free' });
  });
});

/**
 * The recovery of parameterized FaB as published (Martin and Alvisi): a value is vouched for where no other has a
 * majority of the votes, and none other has a commit proof; neither is looked at for its view.
 */
function published(votes: readonly TwoStepVote<string>[], { f }: Resilience): readonly string[] {
  const most = Math.ceil((votes.length - f + 1) / 2);
  const others = (value: string, at: (one: TwoStepVote<string>) => { value: string } | null) =>
    votes.filter((one) => (at(one)?.value ?? value) !== value);
  return ['a', 'b', 'c'].filter((value) => {
    const proofs = others(value, ({ certified }) => certified);
    const counts = new Map<string, number>();
    for (const { acked } of others(value, (one) => one.acked)) {
      if (acked) counts.set(acked.value, (counts.get(acked.value) ?? 0) + 1);
    }
    return proofs.length === 0 && [...counts.values()].every((count) => count < most);
  });
}

describe('the rule as others have it', () => {
  // Abraham and others, arXiv 1712.01367.
  it('as published is stuck where a commit proof and later votes differ; views tell them apart', () => {
    expect(published(laterThanProof, seven)).toEqual([]);
    expect(twoStepChoice(laterThanProof, seven)).toEqual(required('c', true));
  });

  it.each([
    ['f + t votes for any n', fixedCount],
    ['the votes of proved liars', withLiars],
    ['nothing where two values were signed', freeWhereTwo],
  ] as const)('is unsafe with %s: a game has two decisions', (_, rule) => {
    const found = sizes.some((size) => {
      const details = fc.check(
        fc.property(
          fc.array(fc.nat(999), { minLength: 400, maxLength: 400 }),
          (choices) => play(size, rule, choices).decided <= 1,
        ),
        { numRuns: 3000, seed: 20, endOnFailure: true },
      );
      return details.failed;
    });
    expect(found).toBe(true);
  });
});

function fixedCount(
  votes: readonly TwoStepVote<string>[],
  size: Resilience,
): TwoStepChoice<string> {
  const choice = twoStepChoice(votes, size);
  const { value, view } = highestAck(votes) ?? {};
  const certified = votes.some((one) => one.certified?.view === view);
  if (choice.kind === 'wait' || value === undefined || certified) return choice;
  const count = votes.filter(({ acked }) => acked?.view === view && acked?.value === value).length;
  return count >= size.f + silentBorne(size) ? required(value, false) : choice;
}

function withLiars(votes: readonly TwoStepVote<string>[], size: Resilience): TwoStepChoice<string> {
  const choice = twoStepChoice(votes, size);
  const enough = votes.length >= size.n - size.f;
  const top = highestAck(votes);
  return choice.kind === 'wait' && enough && top ? required(top.value, false) : choice;
}

function freeWhereTwo(
  votes: readonly TwoStepVote<string>[],
  size: Resilience,
): TwoStepChoice<string> {
  const choice = twoStepChoice(votes, size);
  const top = highestAck(votes);
  const isTorn = votes.some(
    ({ acked }) => acked?.view === top?.view && acked?.value !== top?.value,
  );
  return choice.kind === 'required' && isTorn ? { kind: 'free' } : choice;
}

function highestAck(votes: readonly TwoStepVote<string>[]) {
  return votes.reduce<TwoStepVote<string>['acked']>(
    (best, { acked }) => (acked && (!best || acked.view > best.view) ? acked : best),
    null,
  );
}
