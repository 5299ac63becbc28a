import { expect, it } from 'vitest';
import { Random } from '../../simulation/engine/random.js';
import { killsOf, planOf } from './plan.js';

it('plans the same from the same seed, and all that there is', () => {
  const plan = planOf(200, new Random('a'));
  expect(planOf(200, new Random('a'))).toEqual(plan);
  expect(new Set(plan.map(({ wish }) => wish)).size).toBe(4);
  expect(new Set(plan.map(({ to }) => to.join())).size).toBe(3);
});

it('plans no refusal where the bank of the cluster takes no part', () => {
  const refused = planOf(500, new Random('b')).filter(({ wish }) => wish === 'refusal');
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.every(({ to }) => to.includes('bank-b'))).toBe(true);
});

it('kills once in each part of the run, the last time before its end', () => {
  const after = killsOf(20, 1000, new Random('c'));
  expect(after).toHaveLength(20);
  after.forEach((count, index) => {
    expect(count).toBeGreaterThanOrEqual(Math.floor(47.5 * index));
    expect(count).toBeLessThan(47.5 * (index + 1));
  });
});
