import { describe, expect, it } from 'vitest';
import { orderingLiesOf } from '../simulation/ordering/draw-plan.js';
import { planOf } from './ordering/plan.js';

const options = { durationMs: 120_000, isLying: true, lies: orderingLiesOf('fab') };

describe('a plan for replicas of an ordering engine', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planOf({ ...options, seed: 7 })).toEqual(planOf({ ...options, seed: 7 }));
    expect(planOf({ ...options, seed: 8 })).not.toEqual(planOf({ ...options, seed: 7 }));
  });

  it('has one that is Byzantine at the most: a liar, or who has lost its disk', () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const lying = planOf({ ...options, seed });
      expect(lying.faults.some(({ kind }) => kind === 'disk-loss')).toBe(false);
      const liars = lying.faults.filter(({ kind }) => kind === 'lie').map(({ victim }) => victim);
      expect(liars.every((victim) => victim === lying.liar)).toBe(true);
      const honest = planOf({ ...options, seed, isLying: false });
      expect(honest).toMatchObject({ liar: undefined, firstLies: [] });
      expect(honest.faults.some(({ kind }) => kind === 'lie')).toBe(false);
    }
  });

  it('has every lie of an engine in some of 200 seeds, and what distorts all that is sent', () => {
    const told = Array.from({ length: 200 }, (_, seed) => planOf({ ...options, seed })).flatMap(
      ({ firstLies, faults }) => [
        ...firstLies,
        ...faults.flatMap((fault) => (fault.kind === 'lie' ? fault.lies : [])),
      ],
    );
    expect(new Set(told)).toEqual(new Set([...options.lies, 'distort']));
  });
});
