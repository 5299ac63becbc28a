import { expect, it } from 'vitest';
import { drawPlan } from '../../sim/plan/draw-plan.js';
import { simulate } from '../../sim/run/simulate.js';

/** Honest replicas on bad machines whose disks are replaced now and then, one after the other. */
it.each(Array.from({ length: 8 }, (_, index) => index + 1))(
  'lost disks break nothing, seed %i',
  (seed) => {
    const plan = drawPlan(seed, 'crashes');
    const faults = { ...plan.faults, 'disk-loss': 1 };
    const { violations, coverage } = simulate({ ...plan, faults, chaosMs: 20_000 });
    expect(violations).toEqual([]);
    expect(new Map(coverage).get('disks lost')).toBeGreaterThan(0);
    expect(new Map(coverage).get('event recovered')).toBeGreaterThan(4);
  },
);
