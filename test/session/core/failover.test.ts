import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionRun } from '../../../src/session/types.js';
import { done, kindsOf, resultsOf } from '../../support/session-answers.js';
import { type EngineKind, SessionRig, type SessionRigOptions } from '../../support/session-rig.js';

const engines: EngineKind[] = ['antipaxos', 'fab', 'pbft'];

describe.each(engines)('with replicas that fail, ordered by %s', (engine) => {
  const open = (options: SessionRigOptions = {}): SessionRig =>
    new SessionRig({ engine, ...options });

  it('goes on at another replica with what is sent again, and does nothing twice', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    const runs: SessionRun[] = [];
    for (let step = 0; step < 3; step += 1) {
      const run = session.call('add a 1');
      runs.push(run);
      rig.run(0, run);
      rig.runFor(3);
    }
    rig.crash(0);
    for (const run of runs) expect(rig.run(1, run)?.kind).toBe('answer');
    expect(resultsOf(rig.run(1, session.call('add a 1')))).toEqual([done('4')]);
    rig.runUntil(() => rig.isFinal(session.id, 4));
    rig.start(0);
    rig.runUntil(() => rig.isFinal(session.id, 4));
    rig.runFor(10_000);
    for (const replica of rig.alive) expect(rig.core(replica).valueOf('words', 'a')).toBe('4');
  });

  it('takes over what a dead replica promised, without its client', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    rig.run(0, session.call('add a 1', 'add a 1'));
    rig.runUntil(() => rig.status(0, session.id, 2)?.kind === 'witnessed');
    rig.crash(0);
    rig.runUntil(() => rig.isFinal(session.id, 2));
    expect(rig.core(2).valueOf('words', 'a')).toBe('2');
    expect(kindsOf(rig, 1, session.id, 2)).toEqual(['committed']);
  });

  it('asks for operations that it missed before it witnesses later ones', () => {
    const rig = open();
    const session = rig.parties.owner('alice').begin('words');
    rig.tamper = (_from, _to, message) => (message.kind === 'run' ? [] : [message]);
    rig.run(0, session.call('add a 1'));
    rig.runFor(30);
    rig.tamper = (_from, _to, message) => [message];
    rig.run(0, session.call('add a 1'));
    rig.runUntil(() => rig.status(0, session.id, 2)?.kind === 'witnessed', 150);
    expect(rig.status(0, session.id, 1)?.kind).toBe('witnessed');
  });

  it('shows a replica that comes back what it promised meanwhile', () => {
    const rig = open({ timings: { commitAfterMs: 1_000_000 } });
    const session = rig.parties.owner('alice').begin('words');
    rig.crash(1);
    rig.crash(2);
    rig.run(0, session.call('add a 1'));
    rig.runFor(500);
    expect(rig.status(0, session.id, 1)?.kind).toBe('provisional');
    rig.start(1);
    rig.runUntil(() => rig.status(0, session.id, 1)?.kind === 'witnessed', 500);
  });

  it('restarts with all its promises, and contradicts none', () => {
    const rig = open({ timings: { commitAfterMs: 1000 } });
    const session = rig.parties.owner('alice').begin('words');
    const other = rig.parties.owner('bob').begin('words');
    const run = session.call('add a 1');
    const before = rig.run(0, run);
    rig.crash(0);
    // Meanwhile the state has become another one.
    rig.run(1, other.call('add a 5'), true);
    rig.runUntil(() => rig.isFinal(other.id, 1));
    rig.start(0);
    rig.runUntil(() => rig.core(0).valueOf('words', 'a') !== undefined);
    const after = rig.run(0, run);
    if (before?.kind !== 'answer' || after?.kind !== 'answer') throw new Error('refused');
    expect(after.statuses[0]?.status).toEqual(before.statuses[0]?.status);
    rig.runUntil(() => rig.isFinal(session.id, 1));
    expect(rig.status(0, session.id, 1)).toMatchObject({
      kind: 'changed',
      simulated: done('1'),
      result: done('6'),
    });
  });

  it('persists a promise before it tells anybody', () => {
    const rig = open();
    const told: number[] = [];
    rig.onStep = (_, outputs) => {
      const promise = outputs.findIndex(({ kind }) =>
        ['answer', 'send-session', 'broadcast-session'].includes(kind),
      );
      const persisted = outputs.findIndex(
        ({ kind, ...rest }) => kind === 'persist' && 'key' in rest && rest.key.includes('/run/'),
      );
      if (promise >= 0 && persisted >= 0) told.push(promise - persisted);
    };
    const session = rig.parties.owner('alice').begin('words');
    rig.run(0, session.call('add a 1'));
    expect(told).toHaveLength(1);
    expect(Math.min(...told)).toBeGreaterThan(0);
  });

  it('has the finals with their proofs after all replicas have restarted', () => {
    const rig = open({ checkpointInterval: 2 });
    const session = rig.parties.owner('alice').begin('words');
    for (let step = 1; step <= 6; step += 1) {
      rig.run(step % 4, session.call('add a 1'), true);
      rig.runUntil(() => rig.isFinal(session.id, step));
    }
    const statuses = rig.alive.map((replica) => rig.status(replica, session.id, 2));
    for (const replica of [0, 1, 2, 3]) rig.crash(replica);
    for (const replica of [0, 1, 2, 3]) rig.start(replica);
    for (const [replica, status] of statuses.entries()) {
      expect(rig.status(replica, session.id, 2)).toEqual(status);
    }
    rig.run(2, session.call('add a 1'), true);
    rig.runUntil(() => rig.isFinal(session.id, 7));
    expect(rig.core(0).valueOf('words', 'a')).toBe('7');
  });

  it('fetches the finals of the time that it was away', () => {
    const rig = open({ checkpointInterval: 2 });
    const session = rig.parties.owner('alice').begin('words');
    rig.run(3, session.call('add a 1'), true);
    rig.runFor(2);
    rig.crash(3);
    for (let step = 2; step <= 10; step += 1) {
      if (step === 2) rig.runUntil(() => rig.isFinal(session.id, 1));
      rig.run(0, session.call('add a 1'), true);
      rig.runUntil(() => rig.isFinal(session.id, step));
    }
    rig.start(3);
    // Its own client is told, and whoever asks for the rest.
    rig.runUntil(() => kindsOf(rig, 3, session.id, 1).includes('committed'));
    rig.runUntil(() => rig.core(3).valueOf('words', 'a') === '10');
    rig.runUntil(() => rig.isFinal(session.id, 1) && rig.isFinal(session.id, 7));
    rig.runFor(20_000);
    expect([...rig.store(3).keys()].filter((key) => key.includes('/run/'))).toEqual([]);
  });

  it('promises nothing while it is far behind: its deadlines might be over', () => {
    const rig = open({ timings: { promisePositions: 4 } });
    const session = rig.parties.owner('alice').begin('words');
    const other = rig.parties.owner('bob').begin('words');
    rig.crash(3);
    for (let step = 1; step <= 6; step += 1) {
      rig.run(0, other.call('add z 1'), true);
      rig.runUntil(() => rig.isFinal(other.id, step));
    }
    rig.tamperOrdering = (_from, to, message) => (to === 3 ? [] : [message]);
    rig.start(3);
    rig.runFor(50);
    const run = session.call('add a 1');
    expect(rig.run(3, run)).toMatchObject({ refusal: { code: 'busy' } });
    rig.tamperOrdering = (_from, _to, message) => [message];
    rig.runUntil(() => rig.core(3).valueOf('words', 'z') === '6');
    expect(rig.run(3, run)?.kind).toBe('answer');
  });

  it('keeps a bounded number of positions', () => {
    const rig = open({ timings: { retainedPositions: 3 } });
    const session = rig.parties.owner('alice').begin('words');
    for (let step = 1; step <= 8; step += 1) {
      rig.run(0, session.call('add a 1'), true);
      rig.runUntil(() => rig.isFinal(session.id, step));
    }
    rig.runFor(2000);
    for (const kind of ['/final/', '/certificate/']) {
      expect([...rig.store(0).keys()].filter((key) => key.includes(kind))).toHaveLength(3);
    }
    // Asked for one that everybody has forgotten, it asks the others a while, and then rests.
    expect(rig.status(0, session.id, 1)).toBeUndefined();
    rig.runFor(60_000);
    let asked = 0;
    rig.tamper = (_from, _to, message) => {
      asked += message.kind === 'fetch' ? 1 : 0;
      return [message];
    };
    rig.runFor(60_000);
    expect(asked).toBe(0);
  });

  it('does each operation once under loss, delays and crashes in the middle of a step', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
        const rig = open({ seed, checkpointInterval: 8 });
        rig.lossRate = 0.05;
        rig.latencyMaxMs = 40;
        const sessions = ['alice', 'bob'].map((name) => rig.parties.owner(name).begin('words'));
        const runs = sessions.map((): SessionRun[] => []);
        for (let step = 1; step <= 5; step += 1) {
          const victim = Math.floor(rig.random() * 4);
          if (step % 2 === 0) rig.crashAfterOutputs(victim, Math.floor(rig.random() * 8));
          for (const [index, session] of sessions.entries()) {
            runs[index]?.push(session.call('add sum 1', `add own${index} 1`));
            for (const run of runs[index] ?? []) {
              const home = rig.alive[Math.floor(rig.random() * rig.alive.length)] ?? 0;
              rig.run(home, run, rig.random() < 0.5);
            }
          }
          rig.runFor(rig.random() * 600);
          for (const replica of [0, 1, 2, 3]) if (!rig.alive.includes(replica)) rig.start(replica);
        }
        rig.lossRate = 0;
        for (const [index] of sessions.entries()) {
          for (const run of runs[index] ?? []) rig.run(index, run, true);
        }
        rig.runUntil(() => sessions.every((session) => rig.isFinal(session.id, 10)), 120_000);
        for (const replica of rig.alive) {
          const core = rig.core(replica);
          expect(core.valueOf('words', 'sum')).toBe('10');
          expect(core.valueOf('words', 'own1')).toBe('5');
        }
        const logs = rig.outputs
          .flat()
          .filter((one) => one.kind === 'log' && one.level === 'error');
        expect(logs).toEqual([]);
      }),
      { numRuns: 6 },
    );
  });
});
