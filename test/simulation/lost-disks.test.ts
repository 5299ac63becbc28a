import { expect, it } from 'vitest';
import { drawPlan } from './plan/draw-plan.js';
import { simulate } from './run/simulate.js';

/** Honest replicas on bad machines whose disks are replaced now and then, one after the other. */
it.each(Array.from({ length: 8 }, (_, index) => index + 1))(
  'lost disks break nothing, seed %i',
  (seed) => {
    const plan = drawPlan(seed, 'crashes');
    const faults = { ...plan.faults, 'disk-loss': 1 };
    const { violations, coverage } = simulate({ ...plan, faults, chaosMs: 20_000 });
    expect(violations).toEqual([]);
    const count = new Map(coverage);
    expect(count.get('disks lost')).toBeGreaterThan(0);
    expect(count.get('event recovered')).toBe(count.get('disks lost'));
  },
);

/** In this one, replicas are cut off before they have heard of the others, and one is Byzantine. */
it('a replica that is away at the first start has lost nothing', () => {
  expect(simulate(drawPlan(132, 'swarm')).violations).toEqual([]);
});
