import { describe, expect, it } from 'vitest';
import * as mutants from './mutants.js';
import { drawPlan } from './plan/draw-plan.js';
import type { Plan } from './plan/plan.js';
import type { Cores } from './run/cores.js';
import { simulate } from './run/simulate.js';

const calm: Plan = {
  seed: 7,
  n: 4,
  f: 1,
  banks: 2,
  clients: 2,
  ordersPerClient: 2,
  chaosMs: 2000,
  faults: {},
  liars: [],
  twins: [],
  retainedTransactions: 5000,
  agreement: 'three-phase',
  stepsMax: 60_000,
};
const lyingCoordinator: Plan = {
  ...calm,
  seed: 11,
  ordersPerClient: 15,
  chaosMs: 60_000,
  faults: { 'slow-links': 1, loss: 0.5 },
  liars: [{ address: 'c2', behaviours: ['false-notices'] }],
};

/** Whether the checker finds something with one of a few seeds: some faults take luck. */
function isCaught(checker: string, cores: Partial<Cores>, plan: Plan = calm): boolean {
  return [0, 1, 2, 3, 4].some((more) => {
    const { violations } = simulate({ ...plan, seed: plan.seed + more }, { cores });
    return violations.some((one) => one.checker === checker);
  });
}

describe('the checkers', () => {
  it('find nothing wrong with the production cores', () => {
    expect(simulate(calm).violations).toEqual([]);
    expect(simulate(lyingCoordinator).violations).toEqual([]);
  });

  it.each<[string, Partial<Cores>, Plan?]>([
    ['no-contradiction', mutants.votesTwice],
    ['atomicity', mutants.believesAnyone, lyingCoordinator],
    ['commit-validity', mutants.forgetsParticipant],
    ['abort-validity', mutants.abortsAtOnce],
    ['exactly-once', mutants.doesItTwice],
    ['unique-ids', mutants.asksForItself],
    ['truthful-answers', mutants.tellsTheOpposite],
    ['money', mutants.creditsTwice],
    ['proofs-verify', mutants.spoilsProofs],
    ['everything-finishes', mutants.neverCommits],
    ['no-doubt', mutants.deafToOutcomes],
    ['no-failures', mutants.throws],
    ['quiet', mutants.isRestless],
    ['bounds', mutants.hoards()],
    ['bounds', mutants.keepsVotes],
  ])('%s catches a core that breaks it', (checker, cores, plan) => {
    expect(isCaught(checker, cores, plan)).toBe(true);
  });

  it('outcome-agreement catches one liar more than is tolerated', () => {
    const { violations } = simulate(drawPlan(2, 'too-many-liars'));
    expect(violations.map(({ checker }) => checker)).toContain('outcome-agreement');
  });
});
