import { describe, expect, it } from 'vitest';
import { digestOfText } from '../../../src/kernel/digest.js';
import { lostStoreRecord } from '../../../src/ordering/core/lost-store.js';
import { type EngineKind, SessionRig, type SessionRigOptions } from '../../support/session-rig.js';

const engines: EngineKind[] = ['antipaxos', 'fab', 'pbft'];

describe.each(engines)('a session replica that has lost its store, ordered by %s', (engine) => {
  const open = (timings: SessionRigOptions['timings'] = {}): SessionRig =>
    new SessionRig({ engine, checkpointInterval: 8, timings: { commitAfterMs: 20, ...timings } });

  function lose(rig: SessionRig, replica: number): void {
    rig.crash(replica);
    rig.store(replica).clear();
    const { key, value } = lostStoreRecord(digestOfText('a new store'));
    rig.store(replica).set(key, value);
    rig.start(replica);
  }

  it('comes back with the state, and witnesses and orders with the others', () => {
    const rig = open({ commitAfterMs: 1000 });
    const session = rig.parties.owner('alice').begin('words');
    rig.run(0, session.call('add a 1'));
    rig.runUntil(() => rig.isFinal(session.id, 1));
    lose(rig, 3);
    expect(rig.core(3).isLost).toBe(true);
    rig.runUntil(() => !rig.core(3).isLost);
    rig.crash(1);
    rig.run(0, session.call('add a 1'));
    rig.runUntil(() => rig.status(0, session.id, 2)?.kind === 'witnessed', 1000);
    rig.runUntil(() => rig.isFinal(session.id, 2));
    expect(rig.core(3).valueOf('words', 'a')).toBe('2');
  });

  it('witnesses nothing before it is back', () => {
    const rig = open({ commitAfterMs: 1_000_000 });
    rig.tamperOrdering = (_from, to, message) =>
      message.kind === 'reach' && to === 3 ? [] : [message];
    lose(rig, 3);
    rig.crash(2);
    const session = rig.parties.owner('alice').begin('words');
    rig.run(0, session.call('add a 1'));
    rig.runFor(5000);
    expect(rig.status(0, session.id, 1)?.kind).toBe('provisional');
  });

  it('promises nothing until all its promises of before are past their deadlines', () => {
    const rig = open({ promisePositions: 60 });
    const session = rig.parties.owner('alice').begin('words');
    rig.run(3, session.call('add a 1'));
    lose(rig, 3);
    rig.runUntil(() => !rig.core(3).isLost);
    const other = rig.parties.owner('bob').begin('words');
    const call = other.call('add b 1');
    expect(rig.run(3, call)).toMatchObject({ kind: 'refused', refusal: { code: 'unavailable' } });
    rig.run(0, call);
    rig.runUntil(() => rig.isFinal(other.id, 1));
    // What is in the order it may speak of.
    expect(rig.run(3, call)?.kind).toBe('answer');
    const answers: string[] = [];
    for (let step = 2; step < 100; step += 1) {
      const next = other.call('add b 1');
      const { kind = '' } = rig.run(3, next) ?? {};
      answers.push(`${rig.core(3).metrics.position > 75} ${kind}`);
      if (kind === 'refused') rig.run(0, next);
      rig.runUntil(() => rig.isFinal(other.id, step));
    }
    expect(answers.at(0)).toBe('false refused');
    expect(answers.at(-1)).toBe('true answer');
    expect(answers).not.toContain('false answer');
  });
});
