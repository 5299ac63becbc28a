import { describe, expect, it } from 'vitest';
import { replicaId } from '../../src/kernel/ids.js';
import { type OrderingOptions, orderingDefaults } from '../../src/ordering/core/engine.js';
import { Batching, Outbox } from '../../src/ordering/core/outbox.js';
import { Pending } from '../../src/ordering/core/pending.js';
import { testCluster } from '../support/keys.js';
import { makeRequest } from '../support/ordering-rig.js';

function open(changed: Partial<OrderingOptions> = {}) {
  const { cluster, replicaSign } = testCluster();
  const options: OrderingOptions = {
    ...orderingDefaults,
    batchDelayMs: 10,
    idleDelayMs: 2,
    ...changed,
    cluster: cluster.id,
    resilience: cluster.resilience,
    self: replicaId(0),
    sign: replicaSign(0),
  };
  const outbox = new Outbox(options, 'antipaxos');
  const pending = new Pending();
  const batching = new Batching(outbox, pending);
  let number = 0;
  return {
    batching,
    add: (): void => {
      number += 1;
      pending.add(makeRequest('a', number, ''), replicaId(0), outbox.nowMs);
    },
    take: (): void => {
      pending.take(options);
      batching.taken();
    },
    advance: (nowMs: number): void => outbox.advance(nowMs),
    /** Delays of the timers started since the last call. */
    timers: (): number[] =>
      outbox.take().flatMap((output) => (output.kind === 'start-timer' ? [output.delayMs] : [])),
  };
}

describe('a batch', () => {
  it('leaves soon where nothing is under way, and else after a while', () => {
    const one = open();
    expect(one.batching.isReady(true)).toBe(false);
    expect(one.timers()).toEqual([]);
    one.add();
    expect(one.batching.isReady(true)).toBe(false);
    expect(one.timers()).toEqual([2]);
    one.batching.onTimer('batch');
    expect(one.batching.isReady(true)).toBe(true);
    one.take();
    one.add();
    expect(one.batching.isReady(false)).toBe(false);
    expect(one.timers()).toEqual([10]);
    one.add();
    expect(one.batching.isReady(false)).toBe(false);
    expect(one.timers()).toEqual([]);
  });

  it('does not wait on when the last that was under way is done', () => {
    const one = open();
    one.add();
    one.batching.isReady(false);
    one.advance(1);
    expect(one.batching.isReady(true)).toBe(false);
    expect(one.timers()).toEqual([10, 1]);
    one.advance(5);
    expect(one.batching.isReady(true)).toBe(true);
  });

  it('does not wait for others where none came with the last one, and nothing is under way', () => {
    const one = open();
    one.batching.executed(1);
    one.add();
    expect(one.batching.isReady(true)).toBe(true);
    expect(one.batching.isReady(false)).toBe(false);
    expect(one.timers()).toEqual([10]);
    one.take();
    // Cycles go by without a request.
    one.batching.executed(0);
    one.add();
    expect(one.batching.isReady(true)).toBe(true);
    one.take();
    one.batching.executed(2);
    one.add();
    expect(one.batching.isReady(true)).toBe(false);
    expect(one.timers()).toEqual([10]);
  });

  it('waits for as many as were executed since the last one left, where nothing is under way', () => {
    const one = open();
    for (const executed of [2, 1]) one.batching.executed(executed);
    one.add();
    one.add();
    expect(one.batching.isReady(true)).toBe(false);
    expect(one.timers()).toEqual([10]);
    one.add();
    expect(one.batching.isReady(true)).toBe(true);
    one.take();
    one.batching.executed(1);
    one.add();
    expect(one.batching.isReady(true)).toBe(true);
  });

  it('leaves at once when it is full, and always where there is no delay', () => {
    const one = open({ batchRequestsMax: 2 });
    one.add();
    expect(one.batching.isReady(false)).toBe(false);
    one.add();
    expect(one.batching.isReady(false)).toBe(true);
    const other = open({ batchDelayMs: 0 });
    other.add();
    expect(other.batching.isReady(false)).toBe(true);
  });
});
