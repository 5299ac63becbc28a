import { describe, expect, it } from 'vitest';
import { SafetyRules, type SignedPhase } from '../../src/agreement/core/safety-rules.js';
import {
  type PhaseStatement,
  type PreparedCertificate,
  type SlotValue,
  slotKey,
} from '../../src/agreement/messages.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { ballot } from './scene.js';

const parties = testCluster();
const evidence = new Evidence(parties);
const commit = evidence.commitValue();
const abort: SlotValue = { ...commit, outcome: 'abort', reason: 'vote' };
const { slot } = evidence.phase('pre-prepare', commit);
const key = slotKey(slot);

interface Conditions {
  readonly isForgotten?: boolean;
  readonly mayVote?: boolean;
}

/** The rules of one replica, with what they have written and what holds of the rest of the replica. */
function rulesUnder(conditions: Conditions = {}) {
  const stored = new Map<string, Uint8Array>();
  const now = { isForgotten: false, mayVote: true, ...conditions };
  const rules = new SafetyRules({
    cluster: parties.cluster.id,
    agreement: 'three-phase',
    sign: parties.replicaSign(1),
    persist: (name, value) => (value ? stored.set(name, value) : stored.delete(name)),
    persistSigned: (name, encode) => stored.set(name, encode()),
    mayVote: () => now.mayVote,
    isForgotten: () => now.isForgotten,
  });
  rules.open(key);
  return { rules, stored, now };
}

function proposalOf(value: SlotValue, inView = 0, attempt = 0) {
  return { prePrepare: evidence.prePrepare(value, ballot(inView, attempt)), value };
}

function lockOn(value: SlotValue, inView = 0, attempt = 0): PreparedCertificate {
  return evidence.prepared(value, ballot(inView, attempt));
}

/** The phase that was signed, or why none was. */
function said<Objection extends string>(
  answer: SignedPhase<Objection>,
): PhaseStatement['phase'] | Objection {
  return answer.kind === 'signed' ? answer.signed.statement.phase : answer.objection;
}

describe('a vote', () => {
  it('is on disk when it is signed', () => {
    const { rules, stored } = rulesUnder();
    expect(said(rules.prepare(proposalOf(commit)))).toBe('prepare');
    expect([...stored.keys()]).toEqual([`voted/${key}`]);
  });

  it('is given again for the same value, and for no other at its ballot', () => {
    const { rules } = rulesUnder();
    rules.prepare(proposalOf(commit));
    expect(said(rules.prepare(proposalOf(commit)))).toBe('prepare');
    expect(said(rules.prepare(proposalOf(abort)))).toBe('voted-otherwise');
  });

  it('rises', () => {
    const { rules } = rulesUnder();
    rules.prepare(proposalOf(commit, 2, 1));
    expect(said(rules.prepare(proposalOf(commit, 2, 0)))).toBe('voted-higher');
    expect(said(rules.prepare(proposalOf(commit, 1, 9)))).toBe('voted-higher');
    expect(said(rules.prepare(proposalOf(abort, 2, 2)))).toBe('prepare');
  });

  it('is for the locked value', () => {
    const { rules } = rulesUnder();
    rules.lock(lockOn(commit));
    expect(said(rules.prepare(proposalOf(abort, 1)))).toBe('locked');
    expect(said(rules.prepare(proposalOf(commit, 1)))).toBe('prepare');
  });

  it('is for nothing forgotten', () => {
    const { rules } = rulesUnder({ isForgotten: true });
    expect(said(rules.prepare(proposalOf(commit)))).toBe('forgotten');
  });

  it('is given in no slot that the replica abstains from, by its primary neither', () => {
    const { rules, stored } = rulesUnder({ mayVote: false });
    const { prePrepare, value } = proposalOf(commit);
    expect(said(rules.prepare({ prePrepare, value }))).toBe('abstaining');
    expect(said(rules.prePrepare(prePrepare.statement, value))).toBe('abstaining');
    expect(stored.size).toBe(0);
  });

  it('of a primary is its proposal', () => {
    const { rules, stored } = rulesUnder();
    const { prePrepare, value } = proposalOf(commit);
    expect(said(rules.prePrepare(prePrepare.statement, value))).toBe('pre-prepare');
    expect(stored.has(`voted/${key}`)).toBe(true);
    expect(said(rules.prepare(proposalOf(abort)))).toBe('voted-otherwise');
  });

  it('outlives a restart', () => {
    const { rules, stored } = rulesUnder();
    rules.prepare(proposalOf(commit, 1));
    const again = rulesUnder().rules;
    const records = [...stored].map(([name, value]) => ({ key: name, value }));
    expect([...again.restore(records, () => false)]).toEqual([slot]);
    expect(said(again.prepare(proposalOf(abort, 1)))).toBe('voted-otherwise');
    expect(said(again.prepare(proposalOf(abort, 0)))).toBe('voted-higher');
  });
});

describe('a commit', () => {
  const statement = evidence.phase('commit', commit, ballot(1));

  it('takes a vote and the prepared certificate at its ballot', () => {
    const { rules, stored } = rulesUnder();
    rules.prepare(proposalOf(commit, 1));
    rules.lock(lockOn(commit, 1));
    expect(said(rules.commit(statement))).toBe('commit');
    expect([...stored.keys()]).toEqual([`voted/${key}`, `lock/${key}`]);
  });

  it('is not made without a vote', () => {
    const { rules } = rulesUnder();
    rules.lock(lockOn(commit, 1));
    expect(said(rules.commit(statement))).toBe('not-its-last-vote');
  });

  it('is not made below the last vote', () => {
    const { rules } = rulesUnder();
    rules.prepare(proposalOf(commit, 1));
    rules.lock(lockOn(commit, 1));
    rules.prepare(proposalOf(commit, 2));
    expect(said(rules.commit(statement))).toBe('not-its-last-vote');
  });

  it('is not made without a lock, nor with one of another ballot', () => {
    const { rules } = rulesUnder();
    rules.prepare(proposalOf(commit, 1));
    expect(said(rules.commit(statement))).toBe('not-prepared');
    rules.lock(lockOn(commit, 0));
    expect(said(rules.commit(statement))).toBe('not-prepared');
    rules.lock(lockOn(commit, 2));
    expect(said(rules.commit(statement))).toBe('not-prepared');
  });

  it('is not made while the replica abstains', () => {
    const { rules, now } = rulesUnder();
    rules.prepare(proposalOf(commit, 1));
    rules.lock(lockOn(commit, 1));
    now.mayVote = false;
    expect(said(rules.commit(statement))).toBe('abstaining');
  });
});

describe('a lock', () => {
  it('gives way to a higher one and to no other', () => {
    const { rules } = rulesUnder();
    const data = rules.open(key);
    expect(rules.lock(lockOn(commit, 1))).toBe(true);
    expect(rules.lock(lockOn(commit, 1))).toBe(false);
    expect(rules.lock(lockOn(abort, 0, 5))).toBe(false);
    expect(data.lock?.value).toBe(commit);
    expect(rules.lock(lockOn(abort, 1, 1))).toBe(true);
    expect(data.lock?.value).toBe(abort);
  });

  it('outlives a restart, unless its slot is decided', () => {
    const { rules, stored } = rulesUnder();
    rules.lock(lockOn(commit, 1));
    const records = [...stored].map(([name, value]) => ({ key: name, value }));
    const again = rulesUnder().rules;
    again.restore(records, () => false);
    expect(said(again.prepare(proposalOf(abort, 2)))).toBe('locked');
    expect([...rulesUnder().rules.restore(records, () => true)]).toEqual([]);
  });
});

it('goes from the disk with its slot, in which nothing is signed any more', () => {
  const { rules, stored } = rulesUnder();
  rules.prepare(proposalOf(commit));
  rules.lock(lockOn(commit));
  rules.close(key);
  expect(stored.size).toBe(0);
  expect(said(rules.prepare(proposalOf(commit)))).toBe('closed');
  expect(said(rules.commit(evidence.phase('commit', commit)))).toBe('closed');
  expect(rules.lock(lockOn(commit, 1))).toBe(false);
  expect(stored.size).toBe(0);
});
