import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../src/kernel/ids.js';
import { Pending, pendingLimits } from '../../src/ordering/core/pending.js';
import type { OrderingRequest } from '../../src/ordering/types.js';
import { makeRequest } from '../support/ordering-rig.js';

const self = 0 as ReplicaId;
const other = 1 as ReplicaId;
const limits = { batchRequestsMax: 2, batchBytesMax: 10 };

function filled(...requests: OrderingRequest[]): Pending {
  const pending = new Pending();
  for (const request of requests) pending.add(request, self, 0);
  return pending;
}

const numbersOf = (batch: readonly OrderingRequest[]): number[] =>
  batch.map(({ number }) => number);
const one = (number: number, text = ''): OrderingRequest => makeRequest('a', number, text);

const none = () => false;

describe('what waits to be ordered', () => {
  it('is taken in its order, each once, up to a batch’s number and bytes', () => {
    const pending = filled(one(1), one(2), one(3, 'x'.repeat(8)), one(4, 'yyy'));
    expect(pending.fillsBatch(limits)).toBe(true);
    expect(numbersOf(pending.take(limits))).toEqual([1, 2]);
    expect(numbersOf(pending.take(limits))).toEqual([3]);
    expect(pending.fillsBatch(limits)).toBe(false);
    expect(numbersOf(pending.take(limits))).toEqual([4]);
    expect(pending.waiting).toBe(0);
    expect(pending.size).toBe(4);
  });

  it('goes first when its proposal came to nothing, unless it was executed', () => {
    const pending = filled(one(1), one(2), one(3));
    const batch = pending.take(limits);
    pending.remove([one(1)], none);
    pending.putBack(batch);
    pending.putBack(batch);
    expect(numbersOf(pending.take(limits))).toEqual([2, 3]);
  });

  it('is proposed once for each number, in whichever payload may be', () => {
    const pending = filled(one(1, 'mine'));
    pending.add(one(1, 'theirs'), other, 0);
    const text = (request: OrderingRequest): string => new TextDecoder().decode(request.payload);
    expect(pending.take(limits, () => false)).toEqual([]);
    const batch = pending.take(limits, (request) => text(request) === 'theirs');
    expect(batch.map(text)).toEqual(['theirs']);
    expect(pending.waiting).toBe(0);
  });

  it('all waits again for a new primary, but for what is claimed', () => {
    const pending = filled(one(1), one(2));
    pending.take(limits);
    pending.restart(7);
    pending.claim([one(1), one(9)]);
    expect(numbersOf(pending.take(limits))).toEqual([2]);
    expect([...pending.values()].map(({ sinceMs }) => sinceMs)).toEqual([7, 7]);
  });

  it('is found in the order in which it came, whoever’s it is', () => {
    const pending = filled(
      makeRequest('b', 1, ''),
      makeRequest('a', 2, ''),
      makeRequest('b', 3, ''),
    );
    pending.add(makeRequest('a', 1, ''), other, 0);
    pending.remove([makeRequest('a', 2, '')], none);
    const names = [...pending.values()].map(({ request }) => `${request.client}${request.number}`);
    expect(names).toEqual(['b1', 'b3', 'a1']);
    pending.remove(
      [makeRequest('b', 1, ''), makeRequest('b', 3, ''), makeRequest('a', 1, '')],
      none,
    );
    expect(pending.size).toBe(0);
  });

  it('is no more, once a number of its client is executed that has overtaken it', () => {
    const pending = filled(one(1), one(2), one(3), makeRequest('b', 1, ''));
    pending.remove([one(3)], ({ number }) => number < 2);
    const left = [...pending.values()].map(({ request }) => [request.client, request.number]);
    expect(left).toEqual([
      [one(2).client, 2],
      ['b', 1],
    ]);
  });

  it('is bounded for each that sends it', () => {
    const pending = new Pending();
    for (let number = 1; number <= pendingLimits.requests; number += 1) {
      expect(pending.add(one(number), self, 0)).toBe(true);
    }
    expect(pending.add(one(9999), self, 0)).toBe(false);
    expect(pending.add(one(9999), other, 0)).toBe(true);
    pending.remove([one(1)], none);
    expect(pending.add(one(10_000), self, 0)).toBe(true);
  });
});
