import { describe, expect, it } from 'vitest';
import type { SessionOutput } from '../../../src/session/core/outbox.js';
import type { SessionMessage } from '../../../src/session/message.js';
import { SessionRig } from '../../support/session-rig.js';

/** The numbers of the operations that replica 0 has shown replica 1, a list for each message. */
function passedOnBy(rig: SessionRig): number[][] {
  const passedOn: number[][] = [];
  rig.onStep = (replica, outputs) => {
    for (const output of outputs) {
      if (replica !== 0 || !isToOne(output)) continue;
      if (output.message.kind === 'run') passedOn.push(numbersOf(output.message));
    }
  };
  return passedOn;
}

function isToOne(
  output: SessionOutput,
): output is Extract<SessionOutput, { kind: 'send-session' | 'broadcast-session' }> {
  return output.kind === 'broadcast-session' || (output.kind === 'send-session' && output.to === 1);
}

function numbersOf(message: Extract<SessionMessage, { kind: 'run' }>): number[] {
  const { run, receipts } = message;
  const numbers = run.operations.map((_, index) => run.first + index);
  expect(receipts.map(({ statement }) => statement.sequence)).toEqual(numbers);
  return numbers;
}

describe('what was promised', () => {
  const timings = { passOnAfterMs: 50, commitAfterMs: 1_000_000, takeoverAfterMs: 1_000_000 };

  it('is passed on soon, together with what follows by then', () => {
    const rig = new SessionRig({ timings });
    const passedOn = passedOnBy(rig);
    const session = rig.parties.owner('alice').begin('words');
    for (let number = 1; number <= 4; number += 1) {
      rig.run(0, session.call('add a 1'));
      rig.runFor(10);
    }
    expect(passedOn).toEqual([]);
    rig.runUntil(() => rig.status(0, session.id, 4)?.kind === 'witnessed', 60);
    expect(passedOn).toEqual([[1, 2, 3, 4]]);
    rig.run(0, session.call('add a 1'));
    rig.runUntil(() => rig.status(0, session.id, 5)?.kind === 'witnessed', 60);
    rig.runFor(1000);
    rig.run(0, session.call('add a 1'));
    rig.runFor(50);
    expect(passedOn).toEqual([[1, 2, 3, 4], [5], [6]]);
  });

  it('is passed on for each session by itself', () => {
    const rig = new SessionRig({ timings });
    const passedOn = passedOnBy(rig);
    const owner = rig.parties.owner('alice');
    for (const session of [owner.begin('words'), owner.begin('words')]) {
      rig.run(0, session.call('get a'));
      rig.run(0, session.call('get a', 'get a'));
    }
    rig.runFor(100);
    expect(passedOn).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('is not passed on any more once it is final', () => {
    const rig = new SessionRig({ timings });
    const passedOn = passedOnBy(rig);
    const session = rig.parties.owner('alice').begin('words');
    rig.run(0, session.call('add a 1'));
    rig.runFor(100);
    rig.run(0, session.call('add a 1'), true);
    rig.runUntil(() => rig.isFinal(session.id, 2));
    rig.runFor(20_000);
    expect(passedOn).toEqual([[1]]);
  });

  it('is passed on in the end where the order takes long', () => {
    const rig = new SessionRig({ timings });
    const passedOn = passedOnBy(rig);
    rig.tamperOrdering = () => [];
    const session = rig.parties.owner('alice').begin('words');
    rig.run(0, session.call('add a 1'), true);
    rig.runFor(100);
    expect(passedOn).toEqual([]);
    rig.runUntil(() => rig.status(0, session.id, 1)?.kind === 'witnessed', 300);
    expect(passedOn).toEqual([[1]]);
  });

  it('is shown to as many as have to witness it, and to all where these do not answer', () => {
    const rig = new SessionRig({ n: 7, f: 2, timings });
    const shown: number[] = [];
    const dead = new Set<number>();
    rig.tamper = (from, to, message) => {
      if (from === 0 && message.kind === 'run') shown.push(to);
      return dead.has(to) ? [] : [message];
    };
    const session = rig.parties.owner('alice').begin('words');
    const witnessed = (sequence: number) => () =>
      rig.status(0, session.id, sequence)?.kind === 'witnessed';
    rig.run(0, session.call('add a 1'));
    rig.runUntil(witnessed(1), 100);
    rig.runFor(1000);
    expect(shown.splice(0)).toEqual([1, 2, 3]);
    dead.add(1).add(3);
    rig.run(0, session.call('add a 1'));
    rig.runFor(200);
    expect(rig.status(0, session.id, 2)?.kind).toBe('provisional');
    rig.runUntil(witnessed(2), 200);
    expect(shown.splice(0)).toEqual([1, 2, 3, 1, 2, 3, 4, 5, 6]);
    // Those that did not answer are asked last from now on, until they do.
    rig.run(0, session.call('add a 1'));
    rig.runUntil(witnessed(3), 100);
    expect(shown.splice(0)).toEqual([2, 4, 5]);
  });
});
