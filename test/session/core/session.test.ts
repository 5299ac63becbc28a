import { describe, expect, it } from 'vitest';
import { verifyOperationProof } from '../../../src/session/check-proof.js';
import { done, eventsOf, kindsOf, rejected, resultsOf } from '../../support/session-answers.js';
import { type EngineKind, SessionRig } from '../../support/session-rig.js';

const engines: EngineKind[] = ['antipaxos', 'fab', 'pbft'];

describe.each(engines)('a session ordered by %s', (engine) => {
  const open = (): SessionRig => new SessionRig({ engine });

  it('is answered in the same step, reads its own writes, is witnessed, and then final', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    expect(resultsOf(rig.run(0, session.call('put a 1')))).toEqual([done('ok')]);
    expect(resultsOf(rig.run(0, session.call('get a', 'add a 2')))).toEqual([done('1'), done('3')]);
    rig.runUntil(() => rig.status(0, session.id, 3)?.kind === 'witnessed');
    rig.runUntil(() => rig.isFinal(session.id, 3));
    for (const replica of rig.alive) {
      const status = rig.status(replica, session.id, 3);
      expect(status).toMatchObject({ kind: 'committed', result: done('3') });
      const proof = status && 'proof' in status ? status.proof : undefined;
      expect(proof && verifyOperationProof(rig.parties.keyring, proof).ok).toBe(true);
      expect(rig.core(replica).valueOf('words', 'a')).toBe('3');
    }
    // The promise is in the answer.
    expect(kindsOf(rig, 0, session.id, 3)).toEqual(['witnessed', 'committed']);
    expect(rig.refused).toEqual([]);
  });

  it('orders what waits when it ends, when its client asks, and when enough waits', () => {
    const timings = { commitAfterMs: 1_000_000, commitOperations: 4 };
    const patient = new SessionRig({ engine, timings });
    const session = patient.parties.owner('alice').begin('words');
    patient.run(0, session.call('add a 1', 'add a 1'));
    patient.runFor(1000);
    expect(patient.isFinal(session.id, 1)).toBe(false);
    patient.run(0, session.call('add a 1', 'add a 1'));
    patient.runUntil(() => patient.isFinal(session.id, 4));
    patient.run(0, session.call('add a 1'), true);
    patient.runUntil(() => patient.isFinal(session.id, 5));
    patient.run(0, session.call('add a 1'));
    patient.ask(0, { kind: 'commit', session: session.id });
    patient.runUntil(() => patient.isFinal(session.id, 6));
    patient.run(0, session.call('add a 1'));
    patient.run(0, session.end());
    patient.runUntil(() => patient.isFinal(session.id, 8));
    expect(patient.core(3).valueOf('words', 'a')).toBe('7');
    const more = session.call('add a 1');
    expect(patient.run(0, more)).toMatchObject({ refusal: { code: 'ended' } });
  });

  it('orders many operations in one request, up to the last that the owner signed', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    for (let step = 0; step < 12; step += 1) rig.run(1, session.call('add a 1'));
    const requests = new Set<string>();
    rig.onStep = (_, outputs) => {
      for (const output of outputs) {
        if (output.kind !== 'broadcast-ordering') continue;
        const { message } = output;
        const batch =
          message.kind === 'proposal'
            ? message.value.batch
            : message.kind === 'pre-prepare'
              ? message.batch
              : [];
        for (const { client } of batch) requests.add(client);
      }
    };
    rig.runUntil(() => rig.isFinal(session.id, 12));
    expect(requests.size).toBe(1);
  });

  it('says which results a concurrent session has made otherwise', () => {
    const rig = open();
    rig.tamper = (_from, _to, message) => (message.kind === 'run' ? [] : [message]);
    const alice = rig.parties.owner('alice').begin('words');
    const bob = rig.parties.owner('bob').begin('words');
    expect(resultsOf(rig.run(0, alice.call('take x', 'add n 1'), true))).toEqual([
      done('taken'),
      done('1'),
    ]);
    expect(resultsOf(rig.run(2, bob.call('take x', 'add n 1'), true))).toEqual([
      done('taken'),
      done('1'),
    ]);
    rig.runUntil(() => rig.isFinal(alice.id, 2) && rig.isFinal(bob.id, 2));
    const ends = [rig.status(0, alice.id, 1), rig.status(2, bob.id, 1)];
    const kinds = ends.map((status) => status?.kind).sort();
    expect(kinds).toEqual(['aborted', 'committed']);
    const loser = ends[0]?.kind === 'aborted' ? 0 : 2;
    const [winner, lost] = loser === 0 ? ['bob', alice] : ['alice', bob];
    expect(rig.status(loser, lost.id, 1)).toMatchObject({
      result: rejected(`taken by ${winner}`),
      simulated: done('taken'),
    });
    expect(rig.status(loser, lost.id, 2)).toMatchObject({
      kind: 'changed',
      result: done('2'),
      simulated: done('1'),
    });
    expect(rig.core(loser).metrics).toMatchObject({ changed: 1, aborted: 1, misSimulated: 1 });
    expect(rig.core(2 - loser).metrics).toMatchObject({ committed: 2, misSimulated: 0 });
  });

  it('simulates on top of what waits at other replicas, and doubts what they saw otherwise', () => {
    const rig = open();
    const alice = rig.parties.owner('alice').begin('words');
    const bob = rig.parties.owner('bob').begin('words');
    rig.run(0, alice.call('add n 1'));
    rig.runFor(30);
    expect(resultsOf(rig.run(1, bob.call('add n 1')))).toEqual([done('2')]);
    // The two meet in between: each replica has them in another order.
    const carol = rig.parties.owner('carol').begin('words');
    const dave = rig.parties.owner('dave').begin('words');
    rig.run(2, carol.call('add m 1'));
    rig.run(3, dave.call('add m 1'));
    rig.runUntil(() => rig.isFinal(carol.id, 1) && rig.isFinal(dave.id, 1));
    const doubted = [...eventsOf(rig, 2, carol.id), ...eventsOf(rig, 3, dave.id)];
    expect(doubted.some(({ kind }) => kind === 'doubted')).toBe(true);
    const changed = [rig.status(2, carol.id, 1)?.kind, rig.status(3, dave.id, 1)?.kind];
    expect(changed.sort()).toEqual(['changed', 'committed']);
  });

  it('simulates each operation once where nothing comes in between', () => {
    const rig = new SessionRig({ engine, timings: { passOnAfterMs: 0 } });
    const waiting = rig.parties.owner('alice').begin('words');
    const passing = rig.parties.owner('bob').begin('words');
    for (let step = 1; step <= 5; step += 1) {
      rig.run(0, waiting.call('add a 1', 'get a'));
      rig.run(1, passing.call('add b 1'), true);
      rig.runUntil(() => rig.isFinal(passing.id, step));
    }
    rig.runUntil(() => rig.isFinal(waiting.id, 10));
    const simulations = rig.alive.map((replica) => rig.application(replica).simulations);
    // Two replicas witness what waits; what is ordered at once is shown to none before.
    expect(simulations).toEqual([10, 15, 10, 0]);
  });

  it('rejects a call that throws, the same everywhere, and undoes what it wrote', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    const answer = rig.run(0, session.call('fail', 'nonsense', 'list left'), true);
    expect(resultsOf(answer)).toEqual([
      rejected('failed on purpose'),
      rejected('not understood'),
      done(''),
    ]);
    rig.runUntil(() => rig.isFinal(session.id, 3));
    expect(rig.status(2, session.id, 1)).toMatchObject({
      kind: 'aborted',
      result: rejected('failed on purpose'),
    });
    expect(rig.core(2).valueOf('words', 'left')).toBeUndefined();
  });

  it('refuses gaps, forks, strangers’ applications and unknown sessions', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    const fork = session.fork();
    const first = session.call('put a 1');
    expect(rig.run(0, session.fork().call('get a'))).toMatchObject({
      refusal: { code: 'gap', next: 1 },
    });
    rig.run(0, first);
    expect(rig.run(0, fork.call('put a 2'))).toMatchObject({
      refusal: { code: 'conflict', sequence: 1 },
    });
    expect(rig.run(0, fork.call('get a'))).toMatchObject({ refusal: { code: 'conflict' } });
    const other = rig.parties.owner('alice').begin('unheard-of');
    expect(rig.run(0, other.call('x'))).toMatchObject({
      refusal: { code: 'unknown-application', name: 'unheard-of' },
    });
    expect(rig.ask(0, { kind: 'status', session: other.id, from: 1 })).toMatchObject({
      refusal: { code: 'unknown-session' },
    });
  });

  it('says busy, and when to try again, where too much waits', () => {
    const rig = open();
    rig.tamperOrdering = () => [];
    const session = rig.parties.owner('alice').begin('words');
    for (let step = 0; step < 4; step += 1) {
      const calls = Array.from({ length: 64 }, () => 'add a 1');
      expect(rig.run(0, session.call(...calls))?.kind).toBe('answer');
    }
    expect(rig.run(0, session.call('add a 1'))).toMatchObject({
      refusal: { code: 'busy', retryAfterMs: 500 },
    });
  });

  it('answers with statuses that it has been asked for, again and again', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    const run = session.call('add a 1', 'add a 1');
    const first = rig.run(0, run);
    const again = rig.run(0, run);
    expect(again).toMatchObject({ kind: 'answer', next: 3 });
    expect(resultsOf(again)).toEqual(resultsOf(first));
    rig.runUntil(() => rig.isFinal(session.id, 2));
    expect(resultsOf(rig.run(0, run))).toEqual([done('1'), done('2')]);
    rig.runFor(5000);
    expect(rig.core(1).valueOf('words', 'a')).toBe('2');
    expect([...rig.store(0).keys()].filter((key) => key.includes('/run/'))).toEqual([]);
  });
});
