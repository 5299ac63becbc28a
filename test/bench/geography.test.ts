import { afterEach, expect, it, vi } from 'vitest';
import { Geography } from '../../bench/ordering/processes/geography.js';
import { fourContinents } from '../../bench/simulated/deployments.js';

let geography: Geography | undefined;

afterEach(() => geography?.close());

it('puts replicas and clients as far apart as their regions are', async () => {
  geography = await Geography.open(fourContinents);
  const ways = new Map<string, number>();
  vi.spyOn(geography.network, 'delay').mockImplementation((from, to, ms) => {
    ways.set(`${from} ${to}`, ms);
  });
  // The first replica, and so the primary, is in Japan.
  geography.layOut(1);
  expect(geography.homes(1)).toEqual([3, 0, 1, 2]);
  expect(ways.size).toBe(4 * 3 + 2 * 4 * 4);
  expect(ways.get('coordinator-0 coordinator-1')).toBe(138 / 2);
  expect(ways.get('coordinator-1 coordinator-0')).toBe(138 / 2);
  expect(ways.get('coordinator-3 coordinator-2')).toBe(198 / 2);
  expect(ways.get('Virginia coordinator-3')).toBe(0);
  expect(ways.get('Virginia coordinator-0')).toBe(167 / 2);
  expect(ways.get('coordinator-2 India')).toBe(229 / 2);
});
