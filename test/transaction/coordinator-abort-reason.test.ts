import { describe, expect, it } from 'vitest';
import type { OutcomeValue } from '../../src/agreement/messages.js';
import type { TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig } from '../support/rig.js';

const votesTimeOutMs = 5000;

/** Two banks registered at all, and asked to commit at the backups; the primary is Byzantine. */
function setUp(): { rig: Rig; story: Story; tid: TransactionId; vote: () => void } {
  const rig = new Rig();
  const story = new Story(rig);
  const tid = story.activate();
  story.register(tid, 'bank-a');
  story.register(tid, 'bank-b');
  rig.crash(0);
  story.voteReaches = () => false;
  story.complete(tid, 'commit');
  const vote = () => {
    story.voteReaches = () => true;
    for (const registration of story.registrations) story.vote(registration, 'prepared');
  };
  return { rig, story, tid, vote };
}

function proposeBareAbort(rig: Rig, tid: TransactionId, withVotes = false): void {
  const evidence = new Evidence(rig.parties);
  const records = ['bank-a', 'bank-b'].map((name) => ({
    registration: evidence.registration(name, { tid }),
    ...(withVotes ? { vote: evidence.vote(name, 'prepared', { tid }) } : {}),
  }));
  const value: OutcomeValue = {
    kind: 'outcome',
    tid,
    outcome: 'abort',
    reason: 'timeout',
    records,
    completion: [],
  };
  const message = { kind: 'pre-prepare', prePrepare: evidence.prePrepare(value), value } as const;
  for (const to of [1, 2, 3]) rig.transmit(0, to, message);
}

describe('an abort needs a reason (protocols.md 1.3)', () => {
  it.each([false, true])(
    'a bare abort loses where the backups can commit, though their time is up (votes in it: %s)',
    (withVotes) => {
      const { rig, story, tid, vote } = setUp();
      rig.runFor(votesTimeOutMs - 100);
      vote();
      rig.runFor(200);
      proposeBareAbort(rig, tid, withVotes);
      expect(story.outcome(tid)).toBe('commit');
      expect(rig.refused).toEqual([]);
      expect(rig.core(1).status.view).toBe(1);
    },
  );

  it('a bare abort waits for each backup’s own timer', () => {
    const { rig, story, tid } = setUp();
    rig.runFor(1000);
    proposeBareAbort(rig, tid);
    rig.runFor(votesTimeOutMs - 1100);
    expect([1, 2, 3].map((replica) => story.outcomeAt(replica, tid))).toEqual(
      Array(3).fill(undefined),
    );
    expect(story.outcome(tid)).toBe('abort');
    expect(rig.core(1).status.view).toBe(0);
  });

  it('a bare abort that waits is given up when the votes come', () => {
    const { rig, story, tid, vote } = setUp();
    rig.runFor(1000);
    proposeBareAbort(rig, tid);
    rig.runFor(1000);
    vote();
    expect(story.outcome(tid)).toBe('commit');
  });

  it('one backup that has the votes sees to it that a timely primary commits', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    story.voteReaches = () => false;
    story.complete(tid, 'commit');
    rig.crash(3);
    rig.runFor(votesTimeOutMs - 1);
    story.voteReaches = (replica) => replica === 2;
    for (const registration of story.registrations) story.vote(registration, 'prepared');
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.core(1).status.view).toBe(0);
  });
});
