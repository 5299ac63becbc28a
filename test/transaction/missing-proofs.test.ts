import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { digest, type ReplicaId, resilience, type TransactionId } from '../../src/kernel/ids.js';
import { MissingProofs } from '../../src/transaction/coordinator/core/elsewhere.js';

const [one, two] = [1, 2] as ReplicaId[] as [ReplicaId, ReplicaId];

function lackingAll(): MissingProofs {
  return new MissingProofs({
    resilience: resilience(4, 1),
    resendAfterMs: 1000,
    question: () => digest('ab'.repeat(32)),
    has: () => false,
    output: () => {},
  });
}

function someTransactions(count: number): TransactionId[] {
  return Array.from({ length: count }, () => randomUUID() as string as TransactionId);
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

describe('what peers call over', () => {
  it('is believed of f + 1', () => {
    const missing = lackingAll();
    const [tid = never()] = someTransactions(1);
    missing.add(one, { open: [], over: [tid] });
    missing.add(two, { open: [], over: [tid] });
    expect(missing.learnt(tid, false)).toBe(false);
    expect(missing.learnt(tid, true)).toBe(true);
    expect(missing.learnt(tid, true)).toBe(false);
  });

  it('is taken back by a peer that tells anew', () => {
    const missing = lackingAll();
    const [tid = never()] = someTransactions(1);
    for (const peer of [one, two]) missing.add(peer, { open: [], over: [tid] });
    missing.add(two, { open: [tid], over: [] });
    expect(missing.learnt(tid, true)).toBe(false);
  });

  it('fills no memory, however often a peer tells of other transactions', () => {
    const missing = lackingAll();
    const tell = () => missing.add(one, { open: [], over: someTransactions(2000) });
    tell();
    const before = heapBytes();
    for (let times = 0; times < 150; times += 1) tell();
    expect(heapBytes() - before).toBeLessThan(10 * 2 ** 20);
    expect(missing.size).toBe(2000);
  });
});

function never(): never {
  throw new Error('unreachable');
}
