import { describe, expect, it } from 'vitest';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

/** Messages from a request to its answer, besides the proposal: one hop takes up to 5 ms. */
const HOPS_MS = 8 * 5;

/** Replica 0 holds back each proposal for so long. */
function holdBack(rig: Rig, delayMs: number): void {
  rig.tamper = (from, to, message) => {
    if (from !== 0 || message.kind !== 'pre-prepare') return [message];
    rig.after(delayMs, () => rig.transmit(0, to, message));
    return [];
  };
}

/** How long each of so many activations took, one after the other. */
function waits(rig: Rig, count: number): number[] {
  const story = new Story(rig);
  return Array.from({ length: count }, (_, index) => {
    const startMs = rig.nowMs;
    story.activate(index + 1);
    return rig.nowMs - startMs;
  });
}

describe('a slow primary of transactions', () => {
  it('costs each slot no more than the time-out, where it stays below', () => {
    const rig = new Rig();
    const { suspectAfterMs } = rig.parties.cluster.timing;
    holdBack(rig, suspectAfterMs - HOPS_MS);
    const all = waits(rig, 5);
    expect(Math.max(...all)).toBeLessThanOrEqual(suspectAfterMs + HOPS_MS);
    rig.checkAgreement();
  });

  it('costs one time-out, once, where it does not', () => {
    const rig = new Rig();
    const { suspectAfterMs } = rig.parties.cluster.timing;
    holdBack(rig, 2 * suspectAfterMs);
    const [first = 0, ...rest] = waits(rig, 5);
    expect(first).toBeLessThanOrEqual(suspectAfterMs + 2 * HOPS_MS);
    expect(Math.max(...rest)).toBeLessThanOrEqual(2 * HOPS_MS);
    rig.checkAgreement();
  });
});
