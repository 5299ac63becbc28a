import { describe, expect, it } from 'vitest';
import { verifyCertifiedOrder } from '../../../src/session/check-proof.js';
import type { CertifiedOrder, SessionTransfer } from '../../../src/session/types.js';
import { done, rejected, resultsOf } from '../../support/session-answers.js';
import { type EngineKind, SessionRig, type SessionRigOptions } from '../../support/session-rig.js';

const engines: EngineKind[] = ['antipaxos', 'fab', 'pbft'];

const payees = ({ transfers }: CertifiedOrder): string[] =>
  transfers.map(({ to }: SessionTransfer) => to.account);

/** A bank at which nobody can pay the culprit. */
const without =
  (...culprits: readonly string[]) =>
  (order: CertifiedOrder) =>
    payees(order).some((payee) => culprits.includes(payee))
      ? ({ aborted: 'no such account' } as const)
      : ('committed' as const);

describe.each(engines)('orders to banks, ordered by %s', (engine) => {
  const open = (options: SessionRigOptions = {}): SessionRig =>
    new SessionRig({ engine, ...options });

  it('do a session’s batch in one transaction, and nothing is final before it is', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    const answer = rig.run(0, session.call('pay a b 5', 'pay a c 6', 'pay a d 7'), true);
    expect(resultsOf(answer)).toEqual([done('paid 5'), done('paid 6'), done('paid 7')]);
    rig.runUntil(() => rig.orders.length === 1);
    expect(rig.isFinal(session.id, 1, [0])).toBe(false);
    rig.runUntil(() => rig.isFinal(session.id, 3));
    const [order] = rig.orders;
    expect(order && payees(order)).toEqual(['b', 'c', 'd']);
    expect(order && verifyCertifiedOrder(rig.parties.keyring, order).ok).toBe(true);
    expect(rig.status(1, session.id, 2)).toMatchObject({
      kind: 'committed',
      result: done('paid 6'),
    });
    rig.runFor(20_000);
    expect(rig.orders).toHaveLength(1);
    expect(rig.core(0).metrics.orders).toBe(0);
  });

  it('are split when they abort, until the culprit alone is reported', () => {
    const rig = open();
    rig.bank = without('d');
    const session = rig.parties.owner('alice').begin('words');
    const calls = ['b', 'c', 'd', 'e', 'f'].map((payee) => `pay a ${payee} 1`);
    rig.run(2, session.call(...calls), true);
    rig.runUntil(() => rig.isFinal(session.id, 5));
    expect(rig.orders.map(payees)).toEqual([
      ['b', 'c', 'd', 'e', 'f'],
      ['b', 'c', 'd'],
      ['b', 'c'],
      ['d'],
      ['e', 'f'],
    ]);
    for (const sequence of [1, 2, 4, 5]) {
      expect(rig.status(0, session.id, sequence)?.kind).toBe('committed');
    }
    expect(rig.status(2, session.id, 3)).toMatchObject({
      kind: 'aborted',
      result: rejected('no such account'),
      simulated: done('paid 1'),
    });
    const numbers = rig.orders.map(({ certificate }) => certificate.statement.number);
    expect(numbers).toEqual([1, 2, 3, 4, 5]);
  });

  it('hold back what comes after them in the session, and only in it', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    const other = rig.parties.owner('bob').begin('words');
    const mixed = ['put a 1', 'pay a b 5', 'nonsense', 'pay a c 5', 'add a 1', 'pay a d 5'];
    rig.run(0, session.call(...mixed), true);
    rig.run(0, session.end());
    rig.run(1, other.call('add z 1'), true);
    rig.runUntil(() => rig.isFinal(session.id, 1) && rig.isFinal(other.id, 1));
    expect(rig.core(0).valueOf('words', 'a')).toBe('1');
    rig.runUntil(() => rig.isFinal(session.id, 7));
    expect(rig.orders.map(payees)).toEqual([['b', 'c'], ['d']]);
    const kinds = [1, 2, 3, 4, 5, 6, 7].map((one) => rig.status(3, session.id, one)?.kind);
    expect(kinds).toEqual([
      ...['committed', 'committed', 'aborted', 'committed', 'committed', 'committed', 'committed'],
    ]);
    expect(rig.core(2).valueOf('words', 'a')).toBe('2');
  });

  it('go on when the one that should run them is dead, and through restarts', () => {
    const rig = open({ checkpointInterval: 2 });
    const session = rig.parties.owner('alice').begin('words');
    rig.run(0, session.call('pay a b 5', 'pay a c 5'), true);
    rig.onStep = (_, outputs) => {
      // The order is open everywhere; its submitter never gets to run it.
      if (outputs.some(({ kind }) => kind === 'watch-order') && rig.alive.includes(0)) rig.crash(0);
    };
    rig.runUntil(() => !rig.alive.includes(0));
    rig.onStep = () => {};
    rig.runFor(100);
    for (const replica of [1, 2, 3]) {
      rig.crash(replica);
      rig.start(replica);
    }
    rig.runUntil(() => rig.isFinal(session.id, 2));
    expect(rig.orders.map(payees)).toEqual([['b', 'c']]);
    rig.start(0);
    rig.runUntil(() => rig.isFinal(session.id, 2));
  });

  it('are carried through snapshots to replicas that were away', () => {
    const rig = open({ checkpointInterval: 2 });
    let isOpen = false;
    const session = rig.parties.owner('alice').begin('words');
    rig.bank = without('c');
    rig.crash(3);
    // The order stays open: nobody has f + 1 signatures under it.
    rig.tamper = (_from, _to, message) => (message.kind === 'order' && !isOpen ? [] : [message]);
    rig.run(0, session.call('pay a b 5', 'pay a c 5', 'put after 1'), true);
    const other = rig.parties.owner('bob').begin('words');
    for (let step = 1; step <= 10; step += 1) {
      rig.run(1, other.call('add z 1'), true);
      rig.runUntil(() => rig.isFinal(other.id, step));
    }
    rig.start(3);
    rig.runUntil(() => rig.core(3).valueOf('words', 'z') === '10');
    expect(rig.orders).toEqual([]);
    isOpen = true;
    rig.runUntil(() => rig.isFinal(session.id, 3));
    expect(rig.status(3, session.id, 2)?.kind).toBe('aborted');
    expect(rig.status(3, session.id, 1)?.kind).toBe('committed');
    expect(rig.core(3).valueOf('words', 'after')).toBe('1');
  });

  it('queue in their lane: one is open at a time', () => {
    const rig = open();
    const sessions = Array.from({ length: 24 }, () => rig.parties.owner('alice').begin('words'));
    for (const [index, session] of sessions.entries()) {
      rig.run(index % 4, session.call(`pay a b${index} 1`), true);
    }
    rig.runUntil(() => rig.orders.length === sessions.length);
    rig.runUntil(() => rig.core(0).metrics.orders === 0);
    rig.runFor(1000);
    expect(sessions.every((session) => rig.isFinal(session.id, 1))).toBe(true);
    const last = new Map<number, number>();
    for (const { certificate } of rig.orders) {
      const { lane, number } = certificate.statement;
      expect(number).toBe((last.get(lane) ?? 0) + 1);
      last.set(lane, number);
    }
    expect(last.size).toBeGreaterThan(5);
  });
});
