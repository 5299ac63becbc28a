import { describe, expect, it } from 'vitest';
import { type InitiatorId, participantId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const bankA = participantId('bank-a');
const bankB = participantId('bank-b');

function setUp(): { rig: Rig; story: Story } {
  const rig = new Rig();
  return { rig, story: new Story(rig) };
}

describe('the outcome of a transaction (Zhao §4.3)', () => {
  it('is commit when every participant is prepared, and everybody hears it', () => {
    const { rig, story } = setUp();
    const tid = story.transfer();
    expect(story.outcome(tid)).toBe('commit');
    rig.runFor(5000);
    expect([...story.heard.values()]).toEqual(['commit', 'commit']);
    expect(story.initiatorHeard.get(0 as InitiatorId)).toEqual(new Set(['commit']));
    expect(rig.refused).toEqual([]);
  });

  it('is abort when one votes so', () => {
    const { rig, story } = setUp();
    story.votes.set(bankB, 'aborted');
    const tid = story.transfer();
    expect(story.outcome(tid)).toBe('abort');
    rig.runFor(5000);
    // Who voted aborted knows it already.
    expect([...story.heard]).toEqual([['bank-a.D-1', 'abort']]);
  });

  it('is commit when one is read-only, which hears nothing more', () => {
    const { rig, story } = setUp();
    story.votes.set(bankB, 'readOnly');
    const tid = story.transfer();
    expect(story.outcome(tid)).toBe('commit');
    rig.runFor(5000);
    expect([...story.heard]).toEqual([['bank-a.D-1', 'commit']]);
  });

  it('is commit for a transaction without participants', () => {
    const { story } = setUp();
    const tid = story.activate();
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
  });

  it('is abort after a rollback request, and nobody was asked to prepare', () => {
    const { rig, story } = setUp();
    const tid = story.activate();
    const a = story.register(tid, 'bank-a');
    story.complete(tid, 'rollback');
    expect(story.outcome(tid)).toBe('abort');
    rig.runFor(5000);
    expect(story.sendersOf('Prepare', a)).toEqual([]);
    expect(story.heard.get(a)).toBe('abort');
  });

  it('does not begin for one initiator alone', () => {
    const { rig, story } = setUp();
    const tid = story.activate();
    const a = story.register(tid, 'bank-a');
    story.complete(tid, 'commit', { initiators: [0] });
    story.complete(tid, 'rollback', { initiators: [1] });
    rig.runFor(20_000);
    expect(story.sendersOf('Prepare', a)).toEqual([]);
    expect(story.isDecided(tid)).toBe(false);
  });

  it('is abort when a vote does not come in time', () => {
    const { rig, story } = setUp();
    story.voteReaches = (_replica, { participant }) => participant !== bankB;
    const tid = story.transfer();
    const { nowMs } = rig;
    expect(story.outcome(tid)).toBe('abort');
    expect(rig.nowMs - nowMs).toBeGreaterThanOrEqual(5000);
    expect(rig.core(0).status.view).toBe(0);
  });

  it('is abort when the initiators never end the transaction', () => {
    const { story } = setUp();
    const tid = story.activate();
    const a = story.register(tid, 'bank-a');
    expect(story.outcome(tid)).toBe('abort');
    expect(story.heard.get(a) ?? 'abort').toBe('abort');
  });

  it('is abort at once when a participant aborts before it is asked', () => {
    const { rig, story } = setUp();
    const tid = story.activate();
    story.register(tid, 'bank-a');
    const b = story.registration(tid, 'bank-b');
    story.sendRegistration(b);
    const { nowMs } = rig;
    story.vote(b, 'aborted');
    expect(story.outcome(tid)).toBe('abort');
    expect(rig.nowMs - nowMs).toBeLessThan(100);
  });
});

describe('the first phase', () => {
  it('prepares volatile participants before durable ones', () => {
    const { story } = setUp();
    const tid = story.activate();
    const durable = story.register(tid, 'bank-a');
    const cache = story.register(tid, 'bank-b', { protocol: 'volatile' });
    story.complete(tid, 'commit');
    expect(story.sendersOf('Prepare', durable)).toEqual([]);
    expect(story.sendersOf('Prepare', cache)).not.toEqual([]);
    expect(story.outcome(tid)).toBe('commit');
    const first = (enlistment: string) =>
      story.notices.find(({ notice }) => notice.registration.enlistment === enlistment)?.atMs ?? 0;
    expect(first(durable)).toBeGreaterThan(first(cache));
  });

  it('takes a registration during the volatile phase', () => {
    const { story } = setUp();
    const tid = story.activate();
    story.register(tid, 'bank-b', { protocol: 'volatile' });
    story.complete(tid, 'commit');
    const durable = story.register(tid, 'bank-a');
    expect(story.refusals).toEqual([]);
    expect(story.outcome(tid)).toBe('commit');
    expect(story.sendersOf('Prepare', durable)).not.toEqual([]);
  });

  it('refuses one during the durable phase (protocols.md 1.5)', () => {
    const { story } = setUp();
    const tid = story.activate();
    story.register(tid, 'bank-b');
    story.complete(tid, 'commit');
    story.register(tid, 'bank-a');
    expect(story.refusals.map(({ fault }) => fault)).toEqual(
      Array(4).fill('CannotRegisterParticipant'),
    );
    expect(story.outcome(tid)).toBe('commit');
  });

  it('refuses one that comes after this replica has voted for an outcome', () => {
    const { story } = setUp();
    const tid = story.activate();
    story.complete(tid, 'rollback');
    // The primary has voted for its own proposal, the others have not heard of it yet.
    story.register(tid, 'bank-a');
    expect(story.refusals).toMatchObject([{ fault: 'CannotRegisterParticipant' }]);
    expect(story.refusals[0]?.replyId).toMatch(/^0/);
    story.outcome(tid);
  });

  it('answers a registration that it has taken again, also when it is late', () => {
    const { rig, story } = setUp();
    const tid = story.transfer();
    story.outcome(tid);
    story.sendRegistration(story.registration(tid, 'bank-a'));
    expect(story.refusals).toEqual([]);
    expect(rig.outputs.flat().filter(({ kind }) => kind === 'registered')).toHaveLength(12);
  });
});

describe('hedged sends', () => {
  it('one replica sends Prepare and Commit while all is well', () => {
    const { rig, story } = setUp();
    const tid = story.transfer();
    story.outcome(tid);
    rig.runFor(10_000);
    for (const { enlistment } of story.registrations) {
      expect(story.sendersOf('Prepare', enlistment)).toEqual([0]);
      expect(story.sendersOf('Commit', enlistment)).toEqual([0]);
    }
  });

  it('the others send Prepare too after a while without the vote', () => {
    const { rig, story } = setUp();
    const tid = story.activate();
    const a = story.register(tid, 'bank-a');
    story.voteReaches = () => false;
    story.complete(tid, 'commit');
    rig.runFor(499);
    expect(story.sendersOf('Prepare', a)).toEqual([0]);
    rig.runFor(10);
    expect(story.sendersOf('Prepare', a)).toEqual([0, 0, 1, 2, 3]);
    story.voteReaches = () => true;
    expect(story.outcome(tid)).toBe('commit');
  });

  it('the others send Commit too where the primary is gone', () => {
    const { rig, story } = setUp();
    rig.onOutput = ((before) => (replica: number, output) => {
      if (replica === 0 && output.kind === 'notify-participant' && output.notice === 'Commit')
        return;
      before(replica, output);
    })(rig.onOutput);
    const tid = story.transfer();
    story.outcome(tid);
    rig.runFor(2000);
    expect([...story.heard.values()]).toEqual(['commit', 'commit']);
  });
});

it('Commit carries the consent of its participant, from a replica that restarted, too', () => {
  const { rig, story } = setUp();
  const shown: unknown[] = [];
  const tid = story.transfer();
  rig.onOutput = ((before) => (replica: number, output) => {
    const isCommit = output.kind === 'notify-participant' && output.notice === 'Commit';
    if (!isCommit) return before(replica, output);
    const { enlistment } = output.registration;
    shown.push(replica);
    expect(output.vote?.statement).toMatchObject({ tid, enlistment, vote: 'prepared' });
  })(rig.onOutput);
  story.outcome(tid);
  rig.crash(0);
  shown.length = 0;
  rig.start(0);
  rig.runUntil(() => shown.includes(0));
});

describe('a late question', () => {
  it('a vote after the decision is answered with the outcome', () => {
    const { rig, story } = setUp();
    story.voteReaches = (_replica, { participant }) => participant !== bankB;
    const tid = story.transfer();
    story.outcome(tid);
    rig.runFor(30_000);
    story.heard.clear();
    story.voteReaches = () => true;
    story.vote(story.registration(tid, 'bank-b'), 'prepared');
    expect(story.heard.get(story.registration(tid, 'bank-b').enlistment)).toBe('abort');
  });

  it('an initiator that repeats Commit hears the outcome again', () => {
    const { rig, story } = setUp();
    story.votes.set(bankA, 'aborted');
    const tid = story.transfer();
    story.outcome(tid);
    rig.runFor(5000);
    story.initiatorHeard.clear();
    story.complete(tid, 'commit', { initiators: [2] });
    expect(story.initiatorHeard.get(2 as InitiatorId)).toEqual(new Set(['abort']));
  });

  it('an initiator that asks to roll back what has committed gets InvalidState', () => {
    const { story } = setUp();
    const tid = story.transfer();
    story.outcome(tid);
    story.complete(tid, 'rollback', { initiators: [2], at: [1] });
    expect(story.others.map(({ output }) => output)).toContainEqual({
      kind: 'fault-initiator',
      initiator: 2,
      tid,
      fault: 'InvalidState',
    });
  });
});

describe('votes that are lost', () => {
  it('at the primary only: a backup hands them on, and it commits without a view change', () => {
    const { rig, story } = setUp();
    story.voteReaches = (replica) => replica !== 0;
    const tid = story.transfer();
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.core(1).status.view).toBe(0);
  });

  it('at all replicas but one: it still commits (Zhao §5)', () => {
    const { rig, story } = setUp();
    story.voteReaches = (replica) => replica === 3;
    const tid = story.transfer();
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.core(1).status.view).toBe(0);
  });

  it('everywhere: the next Prepare brings it again', () => {
    const { rig, story } = setUp();
    story.voteReaches = () => rig.nowMs > 400;
    const tid = story.transfer();
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.nowMs).toBeLessThan(1000);
  });

  it('two votes of one participant: the certificate decides, both are kept as evidence', () => {
    const { rig, story } = setUp();
    story.voteReaches = () => false;
    const tid = story.transfer();
    rig.runFor(50);
    story.voteReaches = () => true;
    const [a, b] = [story.registration(tid, 'bank-a'), story.registration(tid, 'bank-b')];
    story.vote(a, 'prepared', [0, 1, 2]);
    story.vote(a, 'aborted', [3, 1]);
    story.vote(b, 'prepared', [0, 1, 2, 3]);
    story.outcome(tid);
    const evidence = [...(rig.stores[1]?.keys() ?? [])].filter((key) =>
      key.startsWith('evidence/'),
    );
    expect(evidence).toEqual([
      `evidence/${tid}/bank-a.D-1/first`,
      `evidence/${tid}/bank-a.D-1/other`,
    ]);
    rig.runFor(60_000);
    expect(rig.alive.size).toBe(4);
  });
});
