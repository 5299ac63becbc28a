import { expect, it } from 'vitest';
import { RestartPolicy } from '../../../src/cli/local/restart-policy.js';

it('waits longer each time a node dies young, and forgets it once it lived', () => {
  const policy = new RestartPolicy(0);
  const delays = Array.from({ length: 9 }, (_, death) => policy.died(death));
  expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  policy.started(1000);
  expect(policy.died(2000)).toBe(30_000);
  policy.started(10_000);
  expect(policy.died(80_000)).toBe(500);
});
