import { describe, expect, it } from 'vitest';
import type { OutcomeValue, PeerMessage } from '../../src/agreement/messages.js';
import { type TransactionId, view } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig, type RigOptions } from '../support/rig.js';
import { ballot } from './scene.js';

function open(options: RigOptions = {}) {
  const rig = new Rig({ agreement: 'two-step', ...options });
  return { rig, story: new Story(rig) };
}

function phaseOf(rig: Rig, replica: number, tid: TransactionId): string | undefined {
  return rig.decision(replica, { kind: 'outcome', tid })?.commits.statement.phase;
}

const isPhase = (message: PeerMessage, phase: 'prepare' | 'commit') =>
  message.kind === 'phase' && message.signed.statement.phase === phase;

describe('two steps', () => {
  it('decide without a commit, and what is decided stays open until a quorum has committed', () => {
    const { rig, story } = open();
    rig.tamper = (_from, _to, message) => (isPhase(message, 'commit') ? [] : [message]);
    const tid = story.transfer();
    for (const registration of story.registrations) story.vote(registration, 'prepared');
    expect(story.outcome(tid)).toBe('commit');
    expect([0, 1, 2, 3].map((replica) => phaseOf(rig, replica, tid))).toEqual(
      Array(4).fill('prepare'),
    );
    expect(rig.core(0).status.openSlots).toBe(2);
    rig.tamper = (_from, _to, message) => [message];
    rig.runFor(10_000);
    expect(phaseOf(rig, 0, tid)).toBe('commit');
    expect(rig.core(0).status).toMatchObject({ openSlots: 0, view: 0 });
    expect(
      [...(rig.stores[1]?.keys() ?? [])].filter((key) => /^(bond|lock|voted|closed)/.test(key)),
    ).toEqual([]);
  });

  it.each([1, 2, 3])('decide at once also where backup %i is silent', (silent) => {
    const { rig, story } = open();
    rig.crash(silent);
    rig.tamper = (_from, _to, message) => (isPhase(message, 'commit') ? [] : [message]);
    const tid = story.transfer();
    for (const registration of story.registrations) story.vote(registration, 'prepared');
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.core(0).status.view).toBe(0);
  });

  it('come to three where replicas have closed the transaction with different registrations', () => {
    const { rig, story } = open();
    const tid = story.activate();
    story.register(tid, 'bank-a');
    story.register(tid, 'bank-b', { at: [2, 3] });
    story.complete(tid, 'commit');
    for (const registration of story.registrations) story.vote(registration, 'prepared');
    expect(story.outcome(tid)).toBe('commit');
    rig.runFor(5000);
    const proof = rig.decision(0, { kind: 'outcome', tid });
    expect(proof?.commits.statement.ballot.attempt).toBeGreaterThan(0);
    expect(proof?.value.kind === 'outcome' && proof.value.records.length).toBe(2);
  });

  it('survive a restart of all, before a quorum has committed', () => {
    const { rig, story } = open();
    rig.tamper = (_from, _to, message) => (isPhase(message, 'commit') ? [] : [message]);
    const tid = story.transfer();
    for (const registration of story.registrations) story.vote(registration, 'prepared');
    expect(story.outcome(tid)).toBe('commit');
    for (const replica of [0, 1, 2, 3]) rig.crash(replica);
    rig.tamper = (_from, _to, message) => [message];
    for (const replica of [0, 1, 2, 3]) rig.start(replica);
    rig.runFor(30_000);
    rig.checkAgreement();
    expect(phaseOf(rig, 2, tid)).toBe('commit');
  });

  it('are known to one replica alone, which is gone: the next primary proposes just that', () => {
    const { rig, story } = open();
    rig.tamper = (_from, to, message) => {
      if (isPhase(message, 'commit')) return [];
      const isOutcome =
        message.kind === 'phase' && message.signed.statement.slot.kind === 'outcome';
      return isOutcome && to !== 1 ? [] : [message];
    };
    const tid = story.transfer();
    for (const registration of story.registrations) story.vote(registration, 'prepared');
    rig.runUntil(() => story.outcomeAt(1, tid) !== undefined);
    rig.crash(1);
    rig.crash(0);
    rig.tamper = (_from, _to, message) => [message];
    rig.start(0);
    story.complete(tid, 'rollback');
    expect(story.outcome(tid)).toBe('commit');
  });
});

/**
 * A primary that lies, and two commits that it may propose: closed by all, with the requests in another order. Replica 3 has
 * lost its disk so often before, each time with a view change.
 */
function twoCommits(lostDisks = 0) {
  const { rig, story } = open();
  for (let time = 0; time < lostDisks; time += 1) {
    rig.loseDisk(3);
    rig.start(3);
    rig.runUntil(() => !rig.core(3).status.recovering, 1_000_000);
    rig.runFor(1000);
  }
  const inView = view(rig.core(0).status.view);
  const evidence = new Evidence(rig.parties);
  const tid = story.activate();
  story.register(tid, 'bank-a');
  rig.runFor(5000);
  rig.crash(0);
  story.voteReaches = () => false;
  story.complete(tid, 'commit');
  const record = {
    registration: evidence.registration('bank-a', { tid }),
    vote: evidence.vote('bank-a', 'prepared', { tid }),
  };
  const completion = story.initiators.map((initiator) => evidence.completion(initiator, { tid }));
  const value: OutcomeValue = {
    ...{ kind: 'outcome', tid, outcome: 'commit' },
    ...{ records: [record], completion },
  };
  const [one, other] = [value, { ...value, completion: [...completion].reverse() }].map((each) =>
    evidence.closed(each, { view: inView }),
  ) as [OutcomeValue, OutcomeValue];
  const propose = (to: readonly number[], closed: OutcomeValue, attempt = 0) => {
    const prePrepare = evidence.prePrepare(closed, ballot(inView, attempt));
    for (const each of to)
      rig.transmit(0, each, { kind: 'pre-prepare', prePrepare, value: closed });
  };
  const vote = () => {
    story.voteReaches = () => true;
    for (const registration of story.registrations) story.vote(registration, 'prepared');
  };
  return { rig, story, evidence, tid, value, one, other, propose, vote };
}

describe('a primary that proposes two values at its first attempt', () => {
  it('or three, to one replica each, holds nobody up for ever: each releases the others', () => {
    const { rig, story, evidence, tid, value, one, other, propose, vote } = twoCommits();
    const completion = [0, 2].map((initiator) => evidence.completion(initiator, { tid }));
    propose([1], one);
    propose([2], other);
    propose([3], evidence.closed({ ...value, completion }));
    rig.runFor(500);
    vote();
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.core(1).status.view).toBeGreaterThan(0);
    expect(rig.refused).toEqual([]);
  });

  it.each([
    ['one each', [1], [2]],
    ['one to two of them', [1, 3], [2]],
    ['the other to two of them', [1], [2, 3]],
  ])('holds nobody up for ever: %s', (_, first, second) => {
    const { rig, story, tid, one, other, propose, vote } = twoCommits();
    propose(first, one);
    propose(second, other);
    rig.runFor(500);
    vote();
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.refused).toEqual([]);
  });

  it('holds nobody up for ever, also where one that votes for neither has lost its disk before', () => {
    const { rig, story, tid, one, other, propose, vote } = twoCommits(4);
    expect(rig.core(3).status).toMatchObject({ view: 4, primary: 0, abstaining: 0 });
    // It gets the first proposals from nobody in time.
    rig.tamper = (_from, to, message) => {
      if (to !== 3 || message.kind !== 'pre-prepare') return [message];
      return message.prePrepare.statement.ballot.view === 4 ? [] : [message];
    };
    propose([1], one);
    propose([2], other);
    rig.runFor(500);
    vote();
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.refused).toEqual([]);
  });

  it('and decides one of them at a single replica cannot have the other one decided', () => {
    const { rig, story, tid, one, other, propose, vote } = twoCommits();
    const decided: string[] = [];
    rig.tamper = (_from, to, message) => (isPhase(message, 'prepare') && to !== 1 ? [] : [message]);
    propose([1, 3], one);
    propose([2], other);
    rig.runUntil(() => story.outcomeAt(1, tid) !== undefined);
    decided.push(rig.decision(1, { kind: 'outcome', tid })?.commits.statement.digest ?? '');
    rig.crash(1);
    rig.tamper = (_from, _to, message) => [message];
    vote();
    rig.runFor(20_000);
    rig.start(1);
    expect(story.outcome(tid)).toBe('commit');
    rig.runFor(20_000);
    expect(rig.decision(2, { kind: 'outcome', tid })?.commits.statement.digest).toBe(decided[0]);
  });
});

describe('a vote at a first attempt', () => {
  it('is for nothing that a quorum has not closed', () => {
    const { rig, story, tid, value, propose } = twoCommits();
    propose([1, 2, 3], value);
    rig.runFor(1000);
    expect(story.isDecided(tid)).toBe(false);
    expect([...(rig.stores[1]?.keys() ?? [])].filter((key) => key.includes(`o:${tid}`))).toEqual(
      [],
    );
  });

  it('is for no other value afterwards, in that view', () => {
    const { rig, story, tid, one, other, propose } = twoCommits();
    propose([1], one);
    rig.runFor(100);
    const voters = new Set<number>();
    rig.tamper = (from, _to, message) => {
      if (message.kind === 'phase' && message.signed.statement.ballot.attempt === 1) {
        voters.add(from);
      }
      return [];
    };
    propose([1, 2, 3], other, 1);
    rig.runFor(100);
    expect(voters).toEqual(new Set([2, 3]));
    expect(story.isDecided(tid)).toBe(false);
  });
});

it('a replica that has closed a transaction takes no registration, a restart later either', () => {
  const { rig, story } = open();
  const tid = story.activate();
  story.register(tid, 'bank-a');
  story.voteReaches = () => false;
  story.complete(tid, 'commit');
  rig.crash(2);
  rig.start(2);
  story.register(tid, 'bank-b', { at: [2] });
  rig.runFor(50);
  expect(story.refusals.at(-1)).toMatchObject({ reason: 'the transaction is being ended' });
});
