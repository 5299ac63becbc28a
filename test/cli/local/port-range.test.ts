import { expect, it } from 'vitest';
import { claimPorts, occupied } from '../../../src/cli/local/port-range.js';

it('gives no two callers the same range until it is released', async () => {
  const ranges = await Promise.all([claimPorts(), claimPorts(), claimPorts()]);
  expect(new Set(ranges.map(({ basePort }) => basePort)).size).toBe(3);
  const [first] = ranges;
  if (first === undefined) throw new Error('no range');
  expect(await occupied([first.basePort - 1, first.basePort])).toEqual([first.basePort - 1]);
  await first.release();
  expect(await occupied([first.basePort - 1])).toEqual([]);
  await Promise.all(ranges.slice(1).map(({ release }) => release()));
});
