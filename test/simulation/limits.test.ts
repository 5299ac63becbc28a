import { describe, expect, it } from 'vitest';
import { drawPlan } from './plan/draw-plan.js';
import type { Plan } from './plan/plan.js';
import { simulate } from './run/simulate.js';

const calm: Plan = {
  seed: 1,
  n: 4,
  f: 1,
  banks: 3,
  clients: 2,
  ordersPerClient: 6,
  chaosMs: 12_000,
  faults: {},
  liars: [],
  twins: [],
  retainedTransactions: 5000,
  agreement: 'three-phase',
  stepsMax: 400_000,
};

describe('at the limits', () => {
  it('every seed remembers few transactions', () => {
    const plans = Array.from({ length: 50 }, (_, seed) => drawPlan(seed, 'limits'));
    const remembered = new Set(plans.map(({ retainedTransactions }) => retainedTransactions));
    expect(Math.max(...remembered)).toBeLessThanOrEqual(8);
    expect(remembered).toContain(0);
    expect(plans.filter(({ faults }) => 'absence' in faults).length).toBeGreaterThan(20);
  });

  it('a cluster without faults forgets all, and nothing is wrong with that', () => {
    const { coverage, violations } = simulate({ ...calm, retainedTransactions: 0 });
    expect(violations).toEqual([]);
    expect(new Map(coverage).get('transactions forgotten, at replicas')).toBeGreaterThan(20);
  });

  it('a quarter of the swarm remembers few, too', () => {
    const plans = Array.from({ length: 200 }, (_, seed) => drawPlan(seed));
    const few = plans.filter(({ retainedTransactions }) => retainedTransactions <= 8);
    expect(few.length).toBeGreaterThan(35);
    expect(few.length).toBeLessThan(65);
    const behaviours = few.flatMap(({ liars }) => liars.flatMap((liar) => liar.behaviours));
    for (const one of ['revive', 'silent-bank', 'gate-crash', 'flood-enlistments'] as const) {
      expect(behaviours).toContain(one);
    }
  });

  it('a replica does not start from a store that its disk has damaged', () => {
    const met = [1, 2, 3].map((seed) => {
      const faults = { 'disk-damage': 1 };
      const { coverage, violations } = simulate({ ...calm, seed, chaosMs: 30_000, faults });
      expect(violations).toEqual([]);
      return new Map(coverage).get('corrupt stores met') ?? 0;
    });
    expect(Math.max(...met)).toBeGreaterThan(0);
  });

  it('a bank that nobody invited has no say, with the invitations of another bank neither', () => {
    for (const seed of [1, 16, 24]) {
      const liars = [{ address: 'bank-c', behaviours: ['gate-crash' as const] }];
      const { coverage, violations } = simulate({ ...calm, seed, liars });
      expect(violations).toEqual([]);
      expect(new Map(coverage).get('liar gate-crash')).toBeGreaterThan(0);
      const refused = new Map(coverage).get('registrations refused, uninvited or forged');
      expect(refused).toBeGreaterThan(0);
    }
  });
});
