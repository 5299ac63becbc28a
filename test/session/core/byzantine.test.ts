import { describe, expect, it } from 'vitest';
import {
  clientId,
  type Digest,
  digest,
  type ReplicaId,
  replicaId,
} from '../../../src/kernel/ids.js';
import type { Signed } from '../../../src/kernel/signed.js';
import {
  verifyBrokenPromise,
  verifyCertifiedOrder,
  verifyContradictingReceipts,
} from '../../../src/session/check-proof.js';
import type { SessionMessage } from '../../../src/session/message.js';
import { signSession } from '../../../src/session/proof.js';
import { orderingRequest } from '../../../src/session/request.js';
import { headAfter } from '../../../src/session/run.js';
import type {
  BrokenPromise,
  OrderOutcome,
  ReceiptStatement,
  SessionId,
  SessionOperation,
  SessionRun,
} from '../../../src/session/types.js';
import { done, eventsOf, kindsOf, resultsOf } from '../../support/session-answers.js';
import { type EngineKind, SessionRig, type SessionRigOptions } from '../../support/session-rig.js';

const engines: EngineKind[] = ['antipaxos', 'fab', 'pbft'];
/** The replica that lies. */
const liar = 3;

describe.each(engines)('with one that lies, ordered by %s', (engine) => {
  const open = (options: SessionRigOptions = {}): SessionRig =>
    new SessionRig({ engine, ...options });

  function receiptOf(rig: SessionRig, run: SessionRun, changed: Partial<ReceiptStatement> = {}) {
    const { session, heads } = rig.verified(run);
    const statement: ReceiptStatement = {
      kind: 'receipt',
      session,
      sequence: run.first,
      head: heads[0] as Digest,
      result: digest('aa'.repeat(32)),
      base: 0,
      baseHistory: digest('bb'.repeat(32)),
      deadline: 10_000,
      replica: replicaId(liar),
      ...changed,
    };
    return signSession(rig.parties.replicaSign(liar), rig.parties.cluster.id, statement);
  }

  it('takes no run that is not its owner’s, from a replica either', () => {
    const rig = open();
    const run = rig.parties.owner('alice').begin('words').call('put a 1');
    const forged = { ...run, operations: [{ kind: 'call', payload: 'put a 2' }] } as const;
    rig.transmit(liar, 0, { kind: 'run', run: forged, receipts: [] });
    rig.transmitOrdering(liar, 0, {
      kind: 'requests',
      scope: engine,
      batch: [orderingRequest({ kind: 'run', run: forged, submitter: replicaId(3), attempt: 0 })],
    });
    rig.runFor(1000);
    expect(rig.refused).toHaveLength(2);
    expect(
      rig.ask(0, {
        kind: 'status',
        session: rig.parties.owner('alice').begin('words').id,
        from: 1,
      }),
    ).toMatchObject({ refusal: { code: 'unknown-session' } });
  });

  it('loses nothing to somebody who orders a part, a gap, or the same again', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    const runs = [session.call('add a 1'), session.call('add a 1'), session.call('add a 1')];
    const submit = (run: SessionRun | undefined, attempt: number): void => {
      if (!run) return;
      const request = orderingRequest({ kind: 'run', run, submitter: replicaId(liar), attempt });
      for (const to of [0, 1, 2])
        rig.transmitOrdering(liar, to, { kind: 'requests', scope: engine, batch: [request] });
    };
    // The last first: a gap at every replica.
    submit(runs[2], 0);
    rig.runFor(500);
    for (const run of runs) rig.run(0, run);
    submit(runs[1], 0);
    submit(runs[0], 0);
    submit(runs[2], 1);
    rig.runUntil(() => rig.isFinal(session.id, 3));
    submit(runs[0], 7);
    submit(runs[2], 7);
    rig.runFor(3000);
    for (const replica of rig.alive) expect(rig.core(replica).valueOf('words', 'a')).toBe('3');
  });

  it('sends nothing to replicas that there are not, whoever is said to have handed in a request', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    const addressees = new Set<number>();
    rig.tamper = (_from, to, message) => {
      addressees.add(to);
      return to < 4 ? [message] : [];
    };
    for (const [index, submitter] of [4, 60_000].entries()) {
      const run = session.call('add a 1');
      const request = orderingRequest({
        kind: 'run',
        run,
        submitter: replicaId(submitter),
        attempt: 0,
      });
      for (const to of [0, 1, 2]) {
        rig.transmitOrdering(liar, to, { kind: 'requests', scope: engine, batch: [request] });
      }
      rig.runUntil(() => rig.isFinal(session.id, index + 1), 10_000);
    }
    expect([...addressees].filter((to) => to >= 4)).toEqual([]);
  });

  it('is not kept from ordering by somebody who orders its very request too early', () => {
    const rig = open({ timings: { takeoverAfterMs: 1_000_000 } });
    const session = rig.parties.owner('alice').begin('words');
    const [first, second] = [session.call('add a 1'), session.call('add a 1')];
    // The second is a gap now; as requests, they have been executed.
    for (const attempt of [0, 1, 2]) {
      const submitter = replicaId(0);
      const request = orderingRequest({ kind: 'run', run: second, submitter, attempt });
      for (const to of [0, 1, 2]) {
        rig.transmitOrdering(liar, to, { kind: 'requests', scope: engine, batch: [request] });
      }
    }
    rig.runUntil(() => rig.core(0).metrics.position > 0);
    rig.runFor(500);
    rig.run(0, first, true);
    rig.runUntil(() => rig.isFinal(session.id, 1));
    rig.run(0, second, true);
    rig.runUntil(() => rig.isFinal(session.id, 2), 5000);
  });

  it('orders one branch of a session whose owner forks it, at every replica the same', () => {
    const rig = open();
    const session = rig.parties.owner('mallory').begin('words');
    rig.run(0, session.call('add a 1'), true);
    rig.runUntil(() => rig.isFinal(session.id, 1));
    const fork = session.fork();
    rig.tamper = (_from, _to, message) => (message.kind === 'run' ? [] : [message]);
    rig.run(0, session.call('put left 1', 'put left 2'), true);
    rig.run(1, fork.call('put right 1', 'put right 2', 'put right 3'), true);
    rig.runUntil(() => rig.isFinal(session.id, 3));
    rig.runFor(10_000);
    const sides = rig.alive.map((replica) => {
      const core = rig.core(replica);
      return [core.valueOf('words', 'left'), core.valueOf('words', 'right')];
    });
    expect(new Set(sides.map((side) => JSON.stringify(side))).size).toBe(1);
    expect(sides[0]?.filter((value) => value !== undefined)).toHaveLength(1);
    // Nobody goes on trying to order the branch that lost.
    expect(rig.alive.map((replica) => rig.core(replica).metrics.open)).toEqual([0, 0, 0, 0]);
    expect(
      rig.alive.every((one) => [...rig.store(one).keys()].every((key) => !key.includes('/run/'))),
    ).toBe(true);
  });

  it('counts no witness twice, none for another result, and none that another signed', () => {
    const rig = open();
    // The liar is one of those that it asks.
    const home = 2;
    const session = rig.parties.owner('alice').begin('words');
    rig.tamper = (from, _to, message) =>
      message.kind === 'witness' && from !== liar ? [] : [message, message];
    const run = session.call('put a 1');
    rig.run(home, run);
    rig.runFor(100);
    expect(rig.status(home, session.id, 1)?.kind).toBe('provisional');
    const status = rig.status(home, session.id, 1);
    const receipt = status && 'receipt' in status ? status.receipt.statement : undefined;
    if (!receipt) throw new Error('no receipt');
    const { head, result } = receipt;
    const witness = (replica: number, signer: number, changed: object = {}): SessionMessage => ({
      kind: 'witness',
      witnesses: [
        signSession(rig.parties.replicaSign(signer), rig.parties.cluster.id, {
          kind: 'witness',
          session: session.id,
          sequence: 1,
          head,
          result,
          replica: replicaId(replica),
          ...changed,
        }),
      ],
    });
    rig.tamper = () => [];
    rig.transmit(liar, home, witness(1, liar));
    rig.transmit(liar, home, witness(1, 1));
    rig.transmit(1, home, witness(1, 1, { head: digest('cc'.repeat(32)) }));
    rig.transmit(1, home, witness(1, 1, { result: digest('cc'.repeat(32)) }));
    rig.runFor(20);
    expect(rig.refused).toHaveLength(2);
    expect(rig.status(home, session.id, 1)?.kind).toBe('provisional');
    expect(eventsOf(rig, home, session.id)).toContainEqual({ kind: 'doubted', sequence: 1, by: 1 });
    for (let times = 1; times <= 2; times += 1) rig.transmit(0, home, witness(0, 0));
    rig.runFor(20);
    expect(kindsOf(rig, home, session.id, 1)).toEqual(['witnessed']);
  });

  it('proves nothing by the history of one alone', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    rig.tamper = (_from, _to, message) =>
      ['history', 'final', 'certificate'].includes(message.kind) ? [] : [message];
    rig.run(0, session.call('put a 1'), true);
    rig.runUntil(() => rig.core(0).valueOf('words', 'a') === '1');
    rig.runFor(500);
    expect(rig.isFinal(session.id, 1, [0])).toBe(false);
    const lie = signSession(rig.parties.replicaSign(liar), rig.parties.cluster.id, {
      kind: 'history',
      position: rig.core(0).metrics.position,
      before: digest('aa'.repeat(32)),
      root: digest('bb'.repeat(32)),
    });
    rig.transmit(liar, 0, { kind: 'history', history: lie });
    rig.runFor(500);
    expect(rig.isFinal(session.id, 1, [0])).toBe(false);
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => rig.isFinal(session.id, 1));
  });

  it('keeps two receipts that contradict each other as evidence', () => {
    const rig = open();
    const run = rig.parties.owner('alice').begin('words').call('put a 1');
    const receipts = [
      receiptOf(rig, run),
      receiptOf(rig, run, { result: digest('cc'.repeat(32)) }),
    ];
    for (const receipt of receipts)
      rig.transmit(liar, 0, { kind: 'run', run, receipts: [receipt] });
    rig.runFor(100);
    const log = rig.outputs[0]?.find(
      (output) => output.kind === 'log' && output.event === 'receipts-contradict',
    );
    expect(log).toMatchObject({ data: { replica: liar, sequence: 1 } });
    const [a, b] = receipts as [Signed<ReceiptStatement>, Signed<ReceiptStatement>];
    const { keyring } = rig.parties;
    expect(verifyContradictingReceipts(keyring, [a, b]).ok).toBe(true);
    expect(verifyContradictingReceipts(keyring, [a, a]).ok).toBe(false);
    const later = receiptOf(rig, run, { base: 5, deadline: 10_005 });
    expect(verifyContradictingReceipts(keyring, [a, later]).ok).toBe(false);
  });

  it('witnesses no promise without a deadline, or far in the future', () => {
    const rig = open();
    const witnesses: number[] = [];
    rig.onStep = (replica, outputs) => {
      for (const output of outputs) {
        if (output.kind === 'send-session' && output.message.kind === 'witness') {
          witnesses.push(replica);
        }
      }
    };
    const run = rig.parties.owner('alice').begin('words').call('put a 1');
    for (const changed of [{ deadline: 20_000 }, { base: 50_000, deadline: 60_000 }]) {
      rig.transmit(liar, 0, { kind: 'run', run, receipts: [receiptOf(rig, run, changed)] });
    }
    rig.runFor(100);
    expect(witnesses).toEqual([]);
    rig.transmit(liar, 0, { kind: 'run', run, receipts: [receiptOf(rig, run)] });
    rig.runFor(100);
    expect(witnesses).toEqual([0]);
  });

  it('does what two replicas’ coordinators say of an order, not what one says', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    const report = (outcome: OrderOutcome, lane: number, number: number): void => {
      const statement = {
        kind: 'order-report',
        lane,
        number,
        outcome,
        replica: replicaId(liar),
      } as const;
      const signed = signSession(rig.parties.replicaSign(liar), rig.parties.cluster.id, statement);
      const request = orderingRequest({ kind: 'report', report: signed });
      for (const to of [0, 1, 2])
        rig.transmitOrdering(liar, to, { kind: 'requests', scope: engine, batch: [request] });
    };
    rig.onStep = (replica, outputs) => {
      for (const output of outputs) {
        if (replica !== 0 || output.kind !== 'watch-order') continue;
        // Three different lies: one replica has one voice.
        for (const reason of ['x', 'y', 'z']) {
          report({ kind: 'aborted', reason }, output.lane, output.number);
        }
      }
    };
    rig.run(0, session.call('pay a b 5'), true);
    rig.runUntil(() => rig.isFinal(session.id, 1));
    expect(rig.status(0, session.id, 1)).toMatchObject({
      kind: 'committed',
      result: done('paid 5'),
    });
  });

  it('lets nobody act on an order that one replica made up', () => {
    const rig = open();
    const order = signSession(rig.parties.replicaSign(liar), rig.parties.cluster.id, {
      ...({ kind: 'order', lane: 0, number: 1, owner: clientId('alice') } as const),
      transfers: digest('aa'.repeat(32)),
    });
    for (const to of [0, 1, 2]) rig.transmit(liar, to, { kind: 'order', order });
    rig.runFor(10_000);
    expect(rig.orders).toEqual([]);
  });

  it('puts no signature for another order under one', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    rig.tamper = (from, to, message) => {
      if (message.kind !== 'order' || to !== 0) return [message];
      if (from !== liar) return [];
      const { lane, number } = message.order.statement;
      const order = signSession(rig.parties.replicaSign(liar), rig.parties.cluster.id, {
        ...({ kind: 'order', lane, number, owner: clientId('alice') } as const),
        transfers: digest('aa'.repeat(32)),
      });
      return [{ kind: 'order', order }];
    };
    rig.run(0, session.call('pay a b 5'), true);
    rig.runUntil(() => rig.isFinal(session.id, 1));
    expect(rig.orders).toHaveLength(1);
    for (const order of rig.orders) {
      expect(verifyCertifiedOrder(rig.parties.keyring, order).ok).toBe(true);
    }
  });

  describe('a replica that promises and does not order', () => {
    const promisePositions = 5;
    const timings = { promisePositions, takeoverAfterMs: 1_000_000 };

    /** Brings the order past the deadline with other sessions. */
    function pass(rig: SessionRig, homes: readonly number[]): void {
      const other = rig.parties.owner('bob').begin('words');
      const start = rig.core(0).metrics.position;
      for (let step = 1; rig.core(0).metrics.position < start + 12; step += 1) {
        rig.run(homes[step % homes.length] ?? 0, other.call('add z 1'), true);
        rig.runUntil(() => rig.isFinal(other.id, step, homes));
      }
    }

    function evidenceOf(
      rig: SessionRig,
      receipt: Signed<ReceiptStatement>,
      session: SessionId,
      operations: readonly SessionOperation[],
    ): BrokenPromise {
      const attestations = [0, 1].map((replica) => {
        const answer = rig.ask(replica, { kind: 'attest', session });
        if (answer?.kind !== 'attested') throw new Error('no attestation');
        return {
          replica: replica as ReplicaId,
          standing: answer.standing,
          ...answer.attestation,
        };
      });
      return { receipt, operations, attestations };
    }

    function receiptAt(rig: SessionRig, session: SessionId, sequence: number) {
      const status = rig.status(liar, session, sequence);
      if (!status || !('receipt' in status)) throw new Error('no receipt');
      return status.receipt;
    }

    it('is convicted by its receipt and f + 1 others', () => {
      const rig = open({ timings });
      // It answers its client and tells nobody else, engine included.
      const alice = rig.parties.owner('alice').begin('words');
      rig.run(liar, alice.call('put a 1'), true);
      rig.runUntil(() => rig.isFinal(alice.id, 1));
      rig.tamper = (from, _to, message) => (from === liar ? [] : [message]);
      rig.tamperOrdering = (from, _to, message) => (from === liar ? [] : [message]);
      const operations = [
        { kind: 'call', payload: 'put a 2' },
        { kind: 'call', payload: 'put a 3' },
      ] as const;
      rig.run(liar, alice.run(operations));
      const receipt = receiptAt(rig, alice.id, 3);
      pass(rig, [0, 1, 2]);
      const evidence = evidenceOf(rig, receipt, alice.id, operations);
      const { keyring } = rig.parties;
      expect(verifyBrokenPromise(keyring, evidence).ok).toBe(true);
      const [one, two] = evidence.attestations;
      if (!one || !two) throw new Error('no attestations');
      const broken = (changed: Partial<BrokenPromise>): boolean =>
        verifyBrokenPromise(keyring, { ...evidence, ...changed }).ok;
      expect(broken({ attestations: [one] })).toBe(false);
      expect(broken({ attestations: [one, one] })).toBe(false);
      expect(broken({ operations: operations.slice(1) })).toBe(false);
      expect(broken({ operations: [operations[1], operations[0]] })).toBe(false);
      const forged = {
        ...two.standing,
        next: 3,
        head: headAfter(two.standing.head, 2, operations[0]),
      };
      expect(broken({ attestations: [one, { ...two, standing: forged }] })).toBe(false);
      expect(broken({ receipt: { ...receipt, signature: two.signature } })).toBe(false);
    });

    it('is convicted also of the first operation of a session', () => {
      const rig = open({ timings });
      rig.tamper = (from, _to, message) => (from === liar ? [] : [message]);
      rig.tamperOrdering = (from, _to, message) => (from === liar ? [] : [message]);
      const alice = rig.parties.owner('alice').begin('words');
      const operations = [{ kind: 'call', payload: 'put a 2' }] as const;
      rig.run(liar, alice.run(operations));
      const receipt = receiptAt(rig, alice.id, 1);
      pass(rig, [0, 1, 2]);
      const evidence = evidenceOf(rig, receipt, alice.id, operations);
      expect(verifyBrokenPromise(rig.parties.keyring, evidence).ok).toBe(true);
    });

    it('cannot be convicted before the deadline, or where it kept its word', () => {
      const rig = open({ timings });
      const alice = rig.parties.owner('alice').begin('words');
      const operations = [{ kind: 'call', payload: 'put a 2' }] as const;
      rig.run(liar, alice.run(operations));
      const receipt = receiptAt(rig, alice.id, 1);
      const early = evidenceOf(rig, receipt, alice.id, operations);
      rig.runUntil(() => rig.isFinal(alice.id, 1));
      pass(rig, [0, 1, 2]);
      const late = evidenceOf(rig, receipt, alice.id, operations);
      for (const evidence of [early, late]) {
        expect(verifyBrokenPromise(rig.parties.keyring, evidence).ok).toBe(false);
      }
    });

    it('cannot be convicted by an owner who forks the session', () => {
      const rig = open({ timings });
      const mallory = rig.parties.owner('mallory').begin('words');
      const fork = mallory.fork();
      const left = [
        { kind: 'call', payload: 'put a 1' },
        { kind: 'call', payload: 'put a 2' },
      ] as const;
      rig.tamper = (_from, _to, message) => (message.kind === 'run' ? [] : [message]);
      rig.run(liar, mallory.run(left));
      const receipt = receiptAt(rig, mallory.id, 2);
      rig.run(0, fork.call('put b 1'), true);
      rig.runUntil(() => rig.isFinal(mallory.id, 1, [0, 1, 2]));
      pass(rig, [0, 1, 2]);
      const standing = rig.ask(0, { kind: 'attest', session: mallory.id });
      expect(standing).toMatchObject({ standing: { next: 2 } });
      for (const operations of [left, left.slice(1)]) {
        const evidence = evidenceOf(rig, receipt, mallory.id, operations);
        expect(verifyBrokenPromise(rig.parties.keyring, evidence).ok).toBe(false);
      }
    });

    it('is taken at its word for what was witnessed: the others order it', () => {
      const rig = open();
      rig.tamperOrdering = (from, _to, message) => (from === liar ? [] : [message]);
      const alice = rig.parties.owner('alice').begin('words');
      expect(resultsOf(rig.run(liar, alice.call('put a 2')))).toEqual([done('ok')]);
      rig.runUntil(() => rig.isFinal(alice.id, 1, [0, 1, 2]));
    });
  });
});
