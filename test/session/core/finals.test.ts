import { describe, expect, it } from 'vitest';
import type { SessionMessage } from '../../../src/session/message.js';
import type { SessionId } from '../../../src/session/types.js';
import { kindsOf } from '../../support/session-answers.js';
import { SessionRig } from '../../support/session-rig.js';

/** Events show what is final without asking: a question would have a replica fetch it. */
function isSettled(rig: SessionRig, session: SessionId, sequence: number, replicas: number[]) {
  return replicas.every((replica) =>
    kindsOf(rig, replica, session, sequence).includes('committed'),
  );
}

/** Kinds of messages and where they go, such as `history 1->0`. */
function sentIn(rig: SessionRig, kinds: readonly string[]): string[] {
  const sent: string[] = [];
  rig.tamper = (from, to, message) => {
    if (kinds.includes(message.kind)) sent.push(`${message.kind} ${from}->${to}`);
    return [message];
  };
  return sent;
}

describe('the proof of what is final', () => {
  const all = [0, 1, 2, 3];

  it('is collected by the replica that handed it in, which sends it to all', () => {
    const rig = new SessionRig();
    const sent = sentIn(rig, ['history', 'certificate', 'fetch', 'final']);
    const session = rig.parties.owner('alice').begin('words');
    rig.run(2, session.call('add a 1'), true);
    rig.runUntil(() => isSettled(rig, session.id, 1, all));
    rig.runFor(5000);
    expect(sent.filter((one) => one.startsWith('certificate'))).toEqual([
      'certificate 2->0',
      'certificate 2->1',
      'certificate 2->3',
    ]);
    const histories = sent.filter((one) => one.startsWith('history'));
    expect(histories.every((one) => one.endsWith('->2'))).toBe(true);
    expect(sent.filter((one) => /^(fetch|final)/.test(one))).toEqual([]);
    expect(rig.core(0).metrics.open).toBe(0);
  });

  it('reaches all where a collector keeps it to itself', () => {
    const rig = new SessionRig();
    rig.tamper = (from, _to, message) =>
      message.kind === 'certificate' && from === 2 ? [] : [message];
    const session = rig.parties.owner('alice').begin('words');
    rig.run(2, session.call('add a 1'), true);
    rig.runUntil(() => isSettled(rig, session.id, 1, all), 10_000);
  });

  it('is collected by f + 1 of those that handed something in, in turn', () => {
    const rig = new SessionRig();
    const sent = sentIn(rig, ['certificate']);
    const owner = rig.parties.owner('alice');
    const sessions = all.map(() => owner.begin('words'));
    const collectors = new Set<string>();
    for (let step = 1; step <= 6; step += 1) {
      for (const [replica, session] of sessions.entries()) {
        rig.run(replica, session.call(`add own${replica} 1`), true);
      }
      rig.runUntil(() => sessions.every((one) => isSettled(rig, one.id, step, all)));
      rig.runFor(1000);
      for (const one of sent.splice(0)) collectors.add(one.split('->')[0] ?? '');
    }
    expect(collectors.size).toBe(4);
  });

  it('comes before the replica has come to it, and is taken then', () => {
    const rig = new SessionRig();
    const session = rig.parties.owner('alice').begin('words');
    rig.tamperOrdering = (_from, to, message) =>
      to === 3 && message.kind === 'report' ? [] : [message];
    rig.run(0, session.call('add a 1'), true);
    rig.runUntil(() => isSettled(rig, session.id, 1, [0, 1, 2]));
    rig.runFor(20);
    const sent = sentIn(rig, ['history', 'fetch']);
    expect(isSettled(rig, session.id, 1, [3])).toBe(false);
    rig.tamperOrdering = (_from, _to, message) => [message];
    rig.runUntil(() => isSettled(rig, session.id, 1, [3]));
    expect(sent).toEqual([]);
  });

  it('is not needed twice, and a witness of what is final not at all', () => {
    const rig = new SessionRig();
    const session = rig.parties.owner('alice').begin('words');
    const needed: string[] = [];
    rig.tamper = (from, to, message) => {
      const isNeeded = rig.core(to).needs(message);
      if (isNeeded) needed.push(`${message.kind} ${from}->${to}`);
      return [message];
    };
    rig.run(0, session.call('add a 1'));
    rig.runUntil(() => rig.status(0, session.id, 1)?.kind === 'witnessed');
    rig.runUntil(() => isSettled(rig, session.id, 1, all));
    const kinds = ['run 0->1', 'witness 1->0', 'history 1->0', 'certificate 0->1'];
    expect(needed).toEqual(expect.arrayContaining(kinds));
    const again: SessionMessage[] = [];
    rig.tamper = (_from, _to, message) => {
      again.push(message);
      return [message];
    };
    const second = rig.parties.owner('alice').begin('words');
    rig.run(0, second.call('add a 1'));
    rig.runUntil(() => isSettled(rig, second.id, 1, all));
    for (const message of again) {
      const isOver = ['witness', 'history', 'certificate'].includes(message.kind);
      expect(rig.core(0).needs(message)).toBe(!isOver);
    }
  });

  it('is asked for by a replica whose client wants it', () => {
    const rig = new SessionRig();
    const session = rig.parties.owner('alice').begin('words');
    rig.tamper = (_from, to, message) =>
      to === 3 && message.kind === 'certificate' ? [] : [message];
    rig.run(0, session.call('add a 1'), true);
    rig.runUntil(() => isSettled(rig, session.id, 1, [0, 1, 2]));
    rig.runFor(50);
    expect(rig.status(3, session.id, 1)?.kind).not.toBe('committed');
    rig.runUntil(() => rig.status(3, session.id, 1)?.kind === 'committed', 100);
  });
});
