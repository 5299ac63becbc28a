import { describe, expect, it } from 'vitest';
import type { View } from '../../src/kernel/ids.js';
import { type OrderingOptions, orderingDefaults } from '../../src/ordering/core/engine.js';
import { PbftEngine } from '../../src/ordering/core/pbft/engine.js';
import { OrderingRig } from '../support/ordering-rig.js';

type Rig = OrderingRig<PbftEngine>;

function open(options: Partial<OrderingOptions> = {}, seed = 1): Rig {
  return new OrderingRig((own, machine) => new PbftEngine(own, machine), { options, seed });
}

const others = [1, 2, 3];

/** Replica 0 holds back each proposal for so long. */
function holdBack(rig: Rig, delayMs: number): void {
  rig.tamper = (from, to, message) => {
    if (from !== 0 || message.kind !== 'pre-prepare') return [message];
    rig.after(delayMs, () => rig.transmit(0, to, message));
    return [];
  };
}

/** Each of the others wants something every so often. */
function steadyLoad(rig: Rig, intervalMs: number, durationMs: number): void {
  for (let atMs = 0; atMs < durationMs; atMs += intervalMs) {
    for (const replica of others) {
      rig.after(atMs, () => rig.submit(replica, `c${replica}`, 1 + atMs / intervalMs));
    }
  }
}

describe('a slow but live primary', () => {
  it('is replaced though no request waits for the whole time-out', () => {
    const rig = open();
    holdBack(rig, 1200);
    steadyLoad(rig, 200, 12_000);
    rig.runUntil(() => rig.engine(1).view === 1, 12_000);
    rig.runUntil(() => rig.haveApplied(3 * 60));
    expect(rig.engine(1).view).toBe(1);
    rig.checkOrder();
  });

  it('is replaced sooner once a better one has shown what can be had', () => {
    const rig = open();
    steadyLoad(rig, 100, 8000);
    rig.runFor(3000);
    expect(rig.engine(1).view).toBe(0);
    // A fifth of what its first window would have had to show.
    holdBack(rig, 150);
    rig.runFor(5000);
    expect(rig.engine(1).view).toBe(1);
  });

  it.each([1, 2])('is not who serves a load that changes (seed %i)', (seed) => {
    const rig = open({ batchRequestsMax: 8, pipelineDepth: 2 }, seed);
    let number = 0;
    const burst = (count: number): void => {
      for (let index = 0; index < count; index += 1) {
        number += 1;
        for (const replica of [0, 1, 2, 3]) rig.submit(replica, `c${replica}.${number}`, 1);
      }
    };
    for (const [count, pauseMs] of [
      [1, 400],
      [30, 100],
      [3, 30],
      [1, 1000],
      [60, 10],
      [1, 100],
    ] as const) {
      for (let round = 0; round < 4; round += 1) {
        burst(count);
        rig.runFor(pauseMs * (0.5 + rig.random()));
      }
      rig.runUntil(() => rig.haveApplied(4 * number));
    }
    expect(rig.engine(1).view).toBe(0);
    expect(rig.count('slow')).toBe(0);
  });

  it('is not who has more work than fits into its batches', () => {
    const rig = open({ batchRequestsMax: 8, pipelineDepth: 1 });
    rig.latencyMinMs = 15;
    rig.latencyMaxMs = 15;
    const startMs = rig.nowMs;
    for (let number = 1; number <= 150; number += 1) {
      for (const replica of [0, 1, 2, 3]) rig.submit(replica, `c${replica}.${number}`, 1);
    }
    rig.runUntil(() => rig.haveApplied(600));
    expect(rig.nowMs - startMs).toBeGreaterThan(2 * orderingDefaults.suspectAfterMs);
    expect(rig.engine(1).view).toBe(0);
  });

  it('is not who is slow for one replica alone', () => {
    const rig = open();
    let complaints = 0;
    rig.tamper = (from, to, message) => {
      if (message.kind === 'slow') complaints += 1;
      if (to !== 3 && from !== 3) return [message];
      rig.after(300, () => rig.transmit(from, to, message));
      return [];
    };
    steadyLoad(rig, 200, 10_000);
    rig.runFor(12_000);
    expect(complaints).toBeGreaterThan(0);
    expect(rig.engine(1).view).toBe(0);
    expect(rig.engine(3).view).toBe(0);
    rig.runUntil(() => rig.haveApplied(3 * 50));
  });

  it('is who f + 1 say so of, in its own view', () => {
    const rig = open();
    const complain = (from: number, view: number): void => {
      for (const to of [0, 1, 2, 3]) {
        if (to === from) continue;
        rig.transmit(from, to, { kind: 'slow', scope: 'pbft', view: view as View });
      }
      rig.runFor(100);
    };
    complain(3, 0);
    complain(3, 0);
    complain(2, 1);
    expect(rig.engine(1).view).toBe(0);
    complain(2, 0);
    expect(rig.engine(1).view).toBe(1);
  });
});
