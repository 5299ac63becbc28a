import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interference } from '../../../src/ordering/core/ezbft/interference.js';
import type { OrderingRequest } from '../../../src/ordering/types.js';
import { makeRequest } from '../../support/ordering-rig.js';

/** A request touches each letter of its payload. */
const keysOf = ({ payload }: OrderingRequest) => [...new TextDecoder().decode(payload)];
const interferes = (a: OrderingRequest, b: OrderingRequest) =>
  keysOf(a).some((key) => keysOf(b).includes(key));

const byPairs = new Interference({ interferes });
const byKeys = new Interference({ interferes, keysOf });

describe('interference of batches', () => {
  const request = fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.stringMatching(/^[k-q]{0,2}$/))
    .map(([client, text]) => makeRequest(client, 1, text));
  const batch = fc.array(request, { maxLength: 4 });

  it('is the same by what requests touch as request by request, whichever comes first', () => {
    fc.assert(
      fc.property(batch, batch, (a, b) => {
        const expected = byPairs.between(a, b);
        expect(byKeys.between(a, b)).toBe(expected);
        expect(byKeys.between(b, a)).toBe(expected);
      }),
    );
  });

  it.each([byPairs, byKeys])('is there where they share a client, or one is a barrier', (one) => {
    const [first, second] = [makeRequest('a', 1, 'k'), makeRequest('a', 2, 'm')];
    expect(one.between([first], [second])).toBe(true);
    expect(one.between([first], [makeRequest('b', 1, 'm')])).toBe(false);
    expect(one.between([first], [])).toBe(true);
  });

  it('takes no client for a key of the same name', () => {
    const [touches, asks] = [makeRequest('a', 1, 'k'), makeRequest('k', 1, 'm')];
    expect(byKeys.between([touches], [asks])).toBe(false);
  });
});
