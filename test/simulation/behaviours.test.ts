import { describe, expect, it } from 'vitest';
import {
  behaviourMakers,
  clientBehaviours,
  coordinatorBehaviours,
  initiatorBehaviours,
  type LiarName,
} from './byzantine/library.js';
import { transactionFaults } from './faults/fault-kinds.js';
import { drawPlan } from './plan/draw-plan.js';
import type { Plan } from './plan/plan.js';
import { simulate } from './run/simulate.js';

const names = Object.keys(behaviourMakers) as LiarName[];
const seeds = Array.from({ length: 240 }, (_, index) => index + 1);

describe('the swarm', () => {
  const plans = seeds.map((seed) => drawPlan(seed));
  const behavioursOf = ({ liars }: Plan) => new Set(liars.flatMap((liar) => liar.behaviours));

  it.each(names)('has %s in some of 240 seeds', (name) => {
    const count = plans.filter((plan) => behavioursOf(plan).has(name)).length;
    expect(count).toBeGreaterThanOrEqual(5);
  });

  it.each(transactionFaults)('has %s in some of 240 seeds', (kind) => {
    expect(plans.filter(({ faults }) => kind in faults).length).toBeGreaterThanOrEqual(10);
  });

  it('has never more lying coordinators and initiators than are tolerated', () => {
    for (const { liars, twins, f } of plans) {
      const at = (letter: string) =>
        liars.filter(({ address }) => new RegExp(`^${letter}\\d+$`).test(address)).length;
      expect(at('c') + twins.length).toBeLessThanOrEqual(f);
      expect(at('i')).toBeLessThanOrEqual(f);
    }
  });
});

/** What only two steps give an opportunity for. */
const ofTwoSteps: readonly LiarName[] = [
  'equivocate-first-attempts',
  'false-bonds',
  'false-witness',
];

describe('a behaviour', () => {
  /** Bad links and crashes on the side, since some lies need a view change or a question. */
  function planFor(name: LiarName, address: string, seed: number): Plan {
    const faults = { partition: 0.6, crash: 0.4, loss: 0.3 };
    const sizes = { n: 4, f: 1, banks: 2, clients: 2, ordersPerClient: 4, chaosMs: 15_000 };
    const liars = [{ address, behaviours: [name] }];
    return {
      seed,
      ...sizes,
      faults,
      liars,
      twins: [],
      retainedTransactions: 5000,
      agreement: ofTwoSteps.includes(name) ? 'two-step' : 'three-phase',
      stepsMax: 400_000,
    };
  }

  function homeOf(name: LiarName): string {
    if (name === 'equivocate-new-views') return 'c1';
    if (name in coordinatorBehaviours) return 'c0';
    if (name in initiatorBehaviours) return 'i0';
    return name in clientBehaviours ? 'client-1' : 'bank-a';
  }

  it.each(names)('%s does something, and breaks nothing', (name) => {
    // Not every course of events gives it an opportunity.
    const acts = seeds.slice(0, 10).some((seed) => {
      const { coverage, violations } = simulate(planFor(name, homeOf(name), seed));
      expect(violations).toEqual([]);
      return (new Map(coverage).get(`liar ${name}`) ?? 0) > 0;
    });
    expect(acts).toBe(true);
  });
});
