import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import { Interference, Judge } from '../../../src/ordering/core/ezbft/interference.js';
import type { Batch, Instance, OrderingRequest } from '../../../src/ordering/types.js';
import { makeRequest } from '../../support/ordering-rig.js';

/** A request touches each letter of its payload. */
const keysOf = ({ payload }: OrderingRequest) => [...new TextDecoder().decode(payload)];
const interferes = (a: OrderingRequest, b: OrderingRequest) =>
  keysOf(a).some((key) => keysOf(b).includes(key));

const byPairs = new Judge({ interferes });
const byKeys = new Judge({ interferes, keysOf });
const first: Instance = { space: 1 as ReplicaId, index: 1 };

/** By the definition, request by request. */
function mustBeOrdered(a: Batch, b: Batch): boolean {
  if (a.length === 0 || b.length === 0) return true;
  return a.some((one) => b.some((it) => it.client === one.client || interferes(one, it)));
}

function between(judge: Judge, a: Batch, b: Batch): boolean {
  const known = new Interference(judge);
  known.add(first, judge.touchedBy(a));
  return known.lastWith(judge.touchedBy(b), [0, 0, 0, 0])[1] === 1;
}

const request = fc
  .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.stringMatching(/^[k-q]{0,2}$/))
  .map(([client, text]) => makeRequest(client, 1, text));
const batch = fc.array(request, { maxLength: 4 });

describe('interference of batches', () => {
  it.each([byPairs, byKeys])('is there where they share a client, or one is a barrier', (judge) => {
    const [one, other] = [makeRequest('a', 1, 'k'), makeRequest('a', 2, 'm')];
    expect(between(judge, [one], [other])).toBe(true);
    expect(between(judge, [one], [makeRequest('b', 1, 'm')])).toBe(false);
    expect(between(judge, [one], [])).toBe(true);
    expect(between(judge, [], [one])).toBe(true);
  });

  it('takes no client for a key of the same name', () => {
    const [touches, asks] = [makeRequest('a', 1, 'k'), makeRequest('k', 1, 'm')];
    expect(between(byKeys, [touches], [asks])).toBe(false);
  });
});

describe('the last instances that interfere', () => {
  const instance = fc.record({
    space: fc.constantFrom(0, 1, 2, 3).map((space) => space as ReplicaId),
    index: fc.integer({ min: 1, max: 6 }),
  });
  const known = fc.record({
    instance,
    batch: fc.option(batch, { freq: 8 }),
    isRemoved: fc.boolean(),
    counts: fc.boolean(),
  });
  const after = fc.array(fc.nat({ max: 4 }), { minLength: 4, maxLength: 4 });

  it.each([
    ['of each pair', byPairs],
    ['by keys', byKeys],
  ])('are those that the definition gives, whatever is added and removed: %s', (_name, judge) => {
    fc.assert(
      fc.property(
        fc.array(known, { maxLength: 12 }),
        batch,
        after,
        fc.boolean(),
        (all, asked, least, isPicky) => {
          const index = new Interference(judge);
          const touched = (one: Batch | null) => one && judge.touchedBy(one);
          const nameOf = (one: Instance) => `${one.space}.${one.index}`;
          for (const one of all) index.add(one.instance, touched(one.batch));
          const removed = new Set(
            all.flatMap((one) => (one.isRemoved ? nameOf(one.instance) : [])),
          );
          for (const one of all) if (one.isRemoved) index.remove(one.instance);
          const left = all.filter((one) => !removed.has(nameOf(one.instance)));
          const counted = new Set(
            left.flatMap((one) => (!isPicky || one.counts ? nameOf(one.instance) : [])),
          );
          const expected = least.map((low, space) =>
            Math.max(
              low,
              ...left
                .filter((one) => one.instance.space === space && counted.has(nameOf(one.instance)))
                // Only a barrier comes after a no-op.
                .filter((one) => mustBeOrdered(one.batch ?? [], asked))
                .filter((one) => one.batch !== null || asked.length === 0)
                .map((one) => one.instance.index),
            ),
          );
          const found = index.lastWith(judge.touchedBy(asked), least, (one) =>
            counted.has(nameOf(one)),
          );
          expect(found).toEqual(expected);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
