import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../src/kernel/ids.js';
import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import { DelayEstimate } from '../../src/ordering/core/antipaxos/standing.js';
import type { ExclusionStrategy } from '../../src/ordering/core/antipaxos/state.js';
import { orderingDefaults } from '../../src/ordering/core/engine.js';
import { OrderingRig } from '../support/ordering-rig.js';

type Rig = OrderingRig<AntipaxosEngine>;

/** Four replicas; each may have a strategy, and so a least timeout, of its own. */
function open(strategyOf: (self: ReplicaId) => ExclusionStrategy = () => 'S1'): Rig {
  return new OrderingRig(
    (own, machine) =>
      new AntipaxosEngine({ ...own, exclusion: strategyOf(own.self), timeoutMaxMs: 2000 }, machine),
    { options: { batchDelayMs: 0 } },
  );
}

function submitEverywhere(rig: Rig, number: number): void {
  for (const replica of rig.alive) rig.submit(replica, `c${replica}`, number);
}

describe('the timeout', () => {
  /** So many waits of this length, each begun when the one before was over. */
  function wait(delay: DelayEstimate, beginMs: number, count: number, lengthMs: number): number {
    const endMs = beginMs + count * lengthMs;
    for (let sinceMs = beginMs; sinceMs < endMs; sinceMs += lengthMs) {
      delay.add(other, sinceMs, sinceMs + lengthMs);
    }
    return endMs;
  }

  const other = 1 as ReplicaId;

  it('is at least four times the tail of the delays, within its bounds', () => {
    const delay = new DelayEstimate(100, 2000, 0);
    expect(delay.timeoutMs).toBe(100);
    let nowMs = wait(delay, 0, 100, 50);
    expect(delay.timeoutMs).toBeGreaterThan(4 * 50);
    nowMs = wait(delay, nowMs, 256, 1500);
    expect(delay.timeoutMs).toBe(2000);
    wait(delay, nowMs, 256, 1);
    expect(delay.timeoutMs).toBe(100);
  });

  it('counts one silence of a process once, in however many cycles it was waited for', () => {
    const delay = new DelayEstimate(100, 1000, 0);
    const nowMs = wait(delay, 0, 256, 10);
    for (let cycle = 0; cycle < 20; cycle += 1)
      delay.add(other, nowMs + cycle, nowMs + 500 + cycle);
    expect(delay.delayMs).toBe(10);
    // Of three there is one in a hundred: so slow is the network.
    wait(delay, nowMs + 600, 2, 500);
    expect(delay.delayMs).toBe(500);
  });

  it('is not that of a process that was away for longer than its bound', () => {
    const delay = new DelayEstimate(100, 1000, 0);
    for (let cycle = 0; cycle < 20; cycle += 1) delay.add(other, 50 * cycle, 1500 + cycle);
    expect(delay.delayMs).toBe(0);
    delay.add(2 as ReplicaId, 0, 20);
    expect(delay.delayMs).toBe(20);
  });
});

describe('hazard 5: the timeout', () => {
  it('grows with the network until no cycle is slow', () => {
    const rig = open(() => 'S2');
    rig.latencyMinMs = 120;
    rig.latencyMaxMs = 150;
    for (let number = 1; number <= 10; number += 1) {
      submitEverywhere(rig, number);
      rig.runUntil(() => rig.haveApplied(4 * number));
      rig.runFor(500);
    }
    const { slowCycles, timeoutMs, delayMs } = rig.engine(0).metrics;
    expect(timeoutMs).toBeGreaterThanOrEqual(4 * delayMs);
    expect(timeoutMs).toBeGreaterThanOrEqual(4 * 120);
    for (let number = 11; number <= 20; number += 1) {
      submitEverywhere(rig, number);
      rig.runUntil(() => rig.haveApplied(4 * number));
    }
    expect(rig.engine(0).metrics.slowCycles).toBe(slowCycles);
  });

  it("does not grow with another's timeout", () => {
    // Two wait for twice as long as the others: of one alone the delays are not believed anyway.
    const rig = open((self) => (self === 0 || self === 2 ? 'S3' : 'S1'));
    rig.crash(3);
    submitEverywhere(rig, 1);
    rig.runUntil(() => rig.haveApplied(3));
    rig.runFor(1000);
    expect(rig.engine(1).metrics.slowCycles).toBeGreaterThan(0);
    expect(rig.engine(1).metrics.timeoutMs).toBe(100);
  });

  it('does not grow with the delays of who is left out', () => {
    const rig = open();
    rig.tamper = (from, _to, message) => (from === 3 ? [] : [message]);
    const isLeftOut = (): boolean => rig.engine(0).metrics.excluded.includes(3 as ReplicaId);
    let number = 0;
    const next = (): void => {
      number += 1;
      submitEverywhere(rig, number);
      rig.runFor(1000);
    };
    while (!isLeftOut()) next();
    for (let count = 0; count < orderingDefaults.pipelineDepth; count += 1) next();
    // It is there, but late, and nobody lets it back. Another one is somewhat late: it is the one whose delays are
    // not believed, and stays that.
    let late = 0;
    rig.tamper = (from, to, message) => {
      if (from === 2) {
        rig.after(20, () => rig.transmit(2, to, message));
        return [];
      }
      if (from !== 3) return [message];
      if (message.kind !== 'proposal') return [];
      late += 1;
      rig.after(300, () => rig.transmit(3, to, message));
      return [];
    };
    for (let count = 0; count < 20; count += 1) next();
    expect(late).toBeGreaterThan(20);
    expect(isLeftOut()).toBe(true);
    expect(rig.engine(0).metrics.timeoutMs).toBe(100);
  });
});
