import { describe, expect, it } from 'vitest';
import { digestOfCycleValue, signOrdering } from '../../src/ordering/check-message.js';
import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import type { ExclusionStrategy } from '../../src/ordering/core/antipaxos/state.js';
import type { CycleValue, OrderingMessage, OrderingMessageOf } from '../../src/ordering/types.js';
import { makeRequest, OrderingRig, type OrderingTamper } from '../support/ordering-rig.js';

type Rig = OrderingRig<AntipaxosEngine>;

function open(exclusion: ExclusionStrategy, tamper: (rig: Rig) => OrderingTamper, n = 4): Rig {
  const rig: Rig = new OrderingRig(
    (own, machine) => new AntipaxosEngine({ ...own, exclusion, timeoutMaxMs: 2000 }, machine),
    { n, f: (n - 1) / 3, options: { batchDelayMs: 0, pipelineDepth: 2 } },
  );
  const lie = tamper(rig);
  // Who is excluded stays so, lest it is back when the test looks.
  rig.tamper = (from, to, message) => (message.kind === 'rejoin' ? [] : lie(from, to, message));
  return rig;
}

/** Everybody wants something, so many times; the last replica is the liar, and need not get anywhere. */
function load(rig: Rig, rounds: number): void {
  const correct = Array.from({ length: rig.n - 1 }, (_, index) => index);
  for (let round = 1; round <= rounds; round += 1) {
    number += 1;
    const before = rig.history(0).length;
    for (const replica of correct) rig.submit(replica, `c${replica}.${number}`, 1);
    rig.runUntil(() => rig.haveApplied(before + correct.length, correct));
  }
  rig.checkOrder(correct);
}
let number = 0;

/** The liar's value, changed and signed again. */
function withValue(
  rig: Rig,
  liar: number,
  { proposal, ...rest }: OrderingMessageOf<'proposal'>,
  value: CycleValue,
): OrderingMessage {
  const statement = { ...proposal.statement, digest: digestOfCycleValue(value) };
  const sign = rig.parties.replicaSign(liar);
  return { ...rest, proposal: signOrdering(sign, rig.parties.cluster.id, statement), value };
}

const isOwnProposal = (
  from: number,
  message: OrderingMessage,
): message is OrderingMessageOf<'proposal'> =>
  message.kind === 'proposal' && message.proposal.statement.replica === from;

const neverReports = (): OrderingTamper => (from, _to, message) =>
  from === 3 && (message.kind === 'report' || message.kind === 'fast-decision') ? [] : [message];

/** One value for replica 0, and another for the others. */
const equivocates =
  (rig: Rig): OrderingTamper =>
  (from, to, message) => {
    if (from !== 3 || to !== 0 || !isOwnProposal(from, message)) return [message];
    const batch = [makeRequest(`other${message.proposal.statement.cycle}`, 1, '')];
    return [withValue(rig, 3, message, { ...message.value, batch })];
  };

const areAgreed = (rig: Rig, excluded: readonly number[]): boolean =>
  [0, 1, 2, 3].every((one) => `${rig.engine(one).metrics.excluded}` === `${excluded}`);

describe('who is excluded again', () => {
  it('rests until the time for it to come back is near, and comes back with load', () => {
    const rig = open('S1', neverReports);
    const away = rig.tamper;
    const isThere: OrderingTamper = (_from, _to, message) => [message];
    load(rig, 8);
    expect(areAgreed(rig, [3])).toBe(true);
    rig.tamper = isThere;
    rig.runUntil(() => areAgreed(rig, []));
    rig.runUntilIdle();
    for (let time = 0; time < 3; time += 1) {
      rig.tamper = away;
      while (!areAgreed(rig, [3])) load(rig, 1);
      rig.tamper = isThere;
      rig.runFor(1000);
    }
    rig.runUntilIdle();
    expect(areAgreed(rig, [3])).toBe(true);
    const rejoins = rig.count('rejoin');
    const { position } = rig.engine(0);
    rig.runFor(600_000);
    expect(rig.count('rejoin')).toBe(rejoins);
    expect(rig.engine(0).position).toBe(position);
    load(rig, 20);
    rig.runUntil(() => areAgreed(rig, []));
    rig.runUntilIdle();
    rig.checkOrder();
  });
});

describe('who is in the way of the fast path', () => {
  it.each([
    ['proposes and never reports', neverReports],
    ['signs two values', equivocates],
  ] as const)('is excluded where it %s', (_what, tamper) => {
    const rig = open('S1', tamper);
    load(rig, 12);
    for (const replica of [0, 1, 2]) expect(rig.engine(replica).metrics.excluded).toEqual([3]);
    const { slowCycles, fastCycles } = rig.engine(0).metrics;
    expect(slowCycles).toBeLessThan(8);
    load(rig, 10);
    const after = rig.engine(0).metrics;
    expect(after.slowCycles - slowCycles).toBeLessThanOrEqual(2);
    expect(after.fastCycles - fastCycles).toBeGreaterThanOrEqual(8);
  });

  it('is excluded after twenty cycles in a row with S2', () => {
    const rig = open('S2', neverReports);
    load(rig, 18);
    expect(rig.engine(0).metrics.excluded).toEqual([]);
    load(rig, 6);
    expect(rig.engine(0).metrics.excluded).toEqual([3]);
  });

  it('is excluded where its values come late to f + 1', () => {
    const rig = open(
      'S1',
      (own) => (from, to, message) => {
        if (to > 2 || !isOwnProposal(6, message)) return [message];
        own.after(200, () => own.transmit(from, to, message));
        return [];
      },
      7,
    );
    load(rig, 6);
    expect(rig.engine(0).metrics.excluded).toEqual([6]);
  });

  it('costs those that it leaves out no time where others can hand its value on', () => {
    const rig = open('S1', () => (from, to, message) => {
      return to === 0 && isOwnProposal(3, message) && from === 3 ? [] : [message];
    });
    load(rig, 10);
    expect(rig.engine(1).metrics.slowCycles).toBe(0);
    expect(rig.engine(1).metrics.excluded).toEqual([]);
  });
});
