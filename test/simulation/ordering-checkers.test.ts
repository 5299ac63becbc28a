import { describe, expect, it } from 'vitest';
import { type Digest, digest } from '../../src/kernel/ids.js';
import { NUMBERS_REMEMBERED } from '../../src/ordering/core/client-table.js';
import type { CycleValue, OrderingRequest } from '../../src/ordering/types.js';
import { makeRequest } from '../support/ordering-rig.js';
import { checkDelivery } from './ordering/checkers.js';
import { keyOf } from './ordering/witness.js';

/** One value a cycle, and what the machines were told in which. */
function check(
  cycles: readonly (readonly OrderingRequest[])[],
  told: readonly (readonly [number, OrderingRequest])[],
) {
  const values = new Map<Digest, CycleValue>();
  const decided = new Map(
    cycles.map((batch, index) => {
      const name = digest((index + 1).toString(16).padStart(64, '0'));
      values.set(name, { batch, readmit: [], complaints: [] });
      const record = { cycle: index + 1, vector: [name], reports: undefined };
      return [index + 1, new Map([['', record]])] as const;
    }),
  );
  const log = told.map(([position, request]) => ({ key: keyOf(request), position, chain: '' }));
  return checkDelivery({ decided, values }, log);
}

const request = (number: number) => makeRequest('a', number, '');

describe('the checker of what machines were told', () => {
  it('sees what was left out, and what came at another place', () => {
    const cycles = [[request(1)], [request(2)], [request(3)]];
    expect(
      check(cycles, [
        [1, request(1)],
        [2, request(2)],
        [3, request(3)],
      ]),
    ).toEqual([]);
    expect(
      check(cycles, [
        [1, request(1)],
        [3, request(3)],
      ]),
    ).toHaveLength(1);
    expect(
      check(cycles, [
        [1, request(1)],
        [3, request(2)],
      ]),
    ).toHaveLength(1);
  });

  it('knows that a number far below the highest of its client counts as told', () => {
    const cycles = [[request(NUMBERS_REMEMBERED + 9)], [request(9), request(10)]];
    expect(
      check(cycles, [
        [1, request(NUMBERS_REMEMBERED + 9)],
        [2, request(10)],
      ]),
    ).toEqual([]);
  });
});
