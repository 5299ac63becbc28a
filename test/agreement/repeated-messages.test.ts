import { expect, it } from 'vitest';
import { Pace } from '../../src/agreement/core/pace.js';
import type { AgreementTimer } from '../../src/agreement/core/timers.js';
import type { OutcomeValue, PeerMessage } from '../../src/agreement/messages.js';
import { transactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig } from '../support/rig.js';
import { ballot, isLocked, openScene, propose, sign } from './scene.js';

const COPIES = 50;

/** A transaction with two banks, and the proposal of a primary that ignores both. */
function openToBareAbort() {
  const rig = new Rig({ participants: ['bank-a', 'bank-b'] });
  const story = new Story(rig);
  const tid = story.activate();
  story.register(tid, 'bank-a');
  story.register(tid, 'bank-b');
  rig.runFor(500);
  rig.crash(0);
  const value: OutcomeValue = {
    kind: 'outcome',
    tid,
    outcome: 'abort',
    reason: 'timeout',
    records: [],
    completion: [],
  };
  const evidence = new Evidence(rig.parties);
  const say = () =>
    propose({ rig, story, evidence, tid, commit: value, abort: value }, [1, 2, 3], value);
  return { rig, evidence, say };
}

/** Counts what correct replicas send, by the kind of message. */
function count(rig: Rig, kind: PeerMessage['kind']): { sent: number } {
  const counted = { sent: 0 };
  rig.tamper = (_from, _to, message) => {
    if (message.kind === kind) counted.sent += 1;
    return [message];
  };
  return counted;
}

/** Three backups, each to its three peers, with the registrations of both banks. */
const ONE_ANSWER = 3 * 3 * 2;

it('answers a proposal that it refuses once in a delay, however often it comes', () => {
  const { rig, say } = openToBareAbort();
  const records = count(rig, 'record');
  for (let copy = 0; copy < COPIES; copy += 1) say();
  rig.runFor(20);
  expect(records.sent).toBe(ONE_ANSWER);
  rig.runFor(2000);
  say();
  rig.runFor(20);
  expect(records.sent).toBe(2 * ONE_ANSWER);
});

it('does not answer it again because its slot was dropped and opened anew', () => {
  const { rig, evidence, say } = openToBareAbort();
  const records = count(rig, 'record');
  say();
  rig.runFor(20);
  // More slots than one peer may open, so that the oldest give way.
  for (let index = 0; index < 300; index += 1) {
    const tid = transactionId(`00000000-0000-8000-8000-${String(index).padStart(12, '0')}`);
    const value: OutcomeValue = {
      kind: 'outcome',
      tid,
      outcome: 'abort',
      reason: 'timeout',
      records: [],
      completion: [],
    };
    const prePrepare = evidence.prePrepare(value);
    for (const to of [1, 2, 3]) rig.transmit(0, to, { kind: 'pre-prepare', prePrepare, value });
  }
  rig.runFor(20);
  say();
  rig.runFor(20);
  expect(records.sent).toBe(ONE_ANSWER);
});

it('shows its lock once in a delay to a primary that proposes something else', () => {
  const scene = openScene();
  const { rig, commit, abort } = scene;
  rig.crash(0);
  const isCommit = (message: PeerMessage) =>
    message.kind === 'phase' && message.signed.statement.phase === 'commit';
  rig.tamper = (_from, _to, message) => (isCommit(message) ? [] : [message]);
  propose(scene, [1, 2, 3], commit);
  rig.runFor(50);
  expect(isLocked(scene, 1)).toBe(true);
  const locks = count(rig, 'prepared');
  for (let copy = 0; copy < COPIES; copy += 1) propose(scene, [1], abort, ballot(0, 1));
  rig.runFor(20);
  expect(locks.sent).toBe(3);
});

it('fetches a value that it lacks once in a delay, however often a commit comes', () => {
  const scene = openScene();
  const { rig, evidence, commit } = scene;
  rig.crash(0);
  const fetches = count(rig, 'fetch');
  const { statement } = evidence.prePrepare(commit);
  for (let copy = 0; copy < COPIES; copy += 1) {
    for (const from of [0, 2, 3]) sign(scene, from, [1], { ...statement, phase: 'commit' });
  }
  rig.runFor(20);
  expect(fetches.sent).toBe(3);
});

it('keeps count of so many answers in a delay and leaves the others out until it is over', () => {
  const timers: AgreementTimer[] = [];
  const pace = new Pace({ delayMs: 100, startTimer: (timer) => timers.push(timer) });
  const allowed = Array.from({ length: 9000 }, (_, index) => pace.allows(String(index)));
  expect(allowed.filter(Boolean)).toHaveLength(8192);
  expect(pace.allows('8999')).toBe(false);
  expect(timers).toEqual([{ kind: 'pace' }]);
  pace.onTimer();
  expect(pace.allows('8999')).toBe(true);
  expect(timers).toHaveLength(2);
});
