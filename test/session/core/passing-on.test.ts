import { describe, expect, it } from 'vitest';
import type { SessionMessage } from '../../../src/session/message.js';
import { SessionRig } from '../../support/session-rig.js';

/** The numbers of the operations that replica 0 has shown the others, a list for each message. */
function passedOnBy(rig: SessionRig): number[][] {
  const passedOn: number[][] = [];
  rig.onStep = (replica, outputs) => {
    for (const output of outputs) {
      if (replica !== 0 || output.kind !== 'broadcast-session') continue;
      if (output.message.kind === 'run') passedOn.push(numbersOf(output.message));
    }
  };
  return passedOn;
}

function numbersOf(message: Extract<SessionMessage, { kind: 'run' }>): number[] {
  const { run, receipts } = message;
  const numbers = run.operations.map((_, index) => run.first + index);
  expect(receipts.map(({ statement }) => statement.sequence)).toEqual(numbers);
  return numbers;
}

describe('what was promised', () => {
  const timings = { passOnAfterMs: 50, commitAfterMs: 1_000_000, takeoverAfterMs: 1_000_000 };

  it('is passed on at once, and what follows soon after it together', () => {
    const rig = new SessionRig({ timings });
    const passedOn = passedOnBy(rig);
    const session = rig.parties.owner('alice').begin('words');
    for (let number = 1; number <= 4; number += 1) {
      rig.run(0, session.call('add a 1'));
      rig.runFor(10);
    }
    expect(passedOn).toEqual([[1]]);
    rig.runUntil(() => rig.status(0, session.id, 4)?.kind === 'witnessed');
    expect(passedOn).toEqual([[1], [2, 3, 4]]);
    rig.run(0, session.call('add a 1'));
    rig.runUntil(() => rig.status(0, session.id, 5)?.kind === 'witnessed');
    rig.runFor(1000);
    rig.run(0, session.call('add a 1'));
    expect(passedOn).toEqual([[1], [2, 3, 4], [5], [6]]);
  });

  it('is passed on for each session by itself', () => {
    const rig = new SessionRig({ timings });
    const passedOn = passedOnBy(rig);
    const owner = rig.parties.owner('alice');
    for (const session of [owner.begin('words'), owner.begin('words')]) {
      rig.run(0, session.call('get a'));
      rig.run(0, session.call('get a', 'get a'));
    }
    expect(passedOn).toEqual([[1], [1]]);
    rig.runFor(100);
    expect(passedOn.slice(2)).toEqual([
      [2, 3],
      [2, 3],
    ]);
  });

  it('is not passed on any more once it is final', () => {
    const rig = new SessionRig({ timings: { ...timings, passOnAfterMs: 10_000 } });
    const passedOn = passedOnBy(rig);
    const session = rig.parties.owner('alice').begin('words');
    rig.run(0, session.call('add a 1'));
    rig.run(0, session.call('add a 1'), true);
    rig.runUntil(() => rig.isFinal(session.id, 2));
    rig.runFor(20_000);
    expect(passedOn).toEqual([[1]]);
  });
});
