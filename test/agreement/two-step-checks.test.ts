import { describe, expect, it } from 'vitest';
import { verifyDecisionProof, verifyPeerMessage } from '../../src/agreement/check-message.js';
import { SafetyRules, type SignedPhase } from '../../src/agreement/core/safety-rules.js';
import {
  type OutcomeValue,
  type PeerMessage,
  type PhaseStatement,
  slotKey,
} from '../../src/agreement/messages.js';
import { replicaId, view } from '../../src/kernel/ids.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { ballot } from './scene.js';
import { verdict } from './verdict.js';

const parties = testCluster({ agreement: 'two-step' });
const evidence = new Evidence(parties);
const commit = evidence.commitValue();
const closed = evidence.closed(commit);
const other = evidence.closed({ ...commit, completion: [...commit.completion].reverse() });
const later = evidence.closed(commit, { view: view(1) });
const slot = { kind: 'outcome', tid: evidence.tid } as const;

function fast(replicas: readonly number[], over: Partial<PhaseStatement> = {}) {
  return {
    commits: evidence.certificate(evidence.phase('prepare', closed, over), replicas),
    value: closed,
  };
}

describe('a decision of two steps', () => {
  it('is proved by the prepares of all but t + 1, at a first attempt', () => {
    const verified = (proof: ReturnType<typeof fast>, of = parties) =>
      verdict(verifyDecisionProof(of.keyring, proof));
    expect(verified(fast([1, 2]))).toBe('ok');
    expect(verified(fast([2, 3], ballot(4)))).toBe('ok');
    expect(verified(fast([1]))).toBe('wrong-count: 1 of 2 prepares of a decision');
    expect(verified(fast([0, 1]))).toBe('wrong-signer: a backup prepares');
    expect(verified(fast([1, 2], ballot(0, 1)))).toBe(
      'mismatch: attempt of a decision in two steps',
    );
    const [one] = fast([1]).commits.signatures;
    const twice = { ...fast([1, 2]).commits, signatures: one ? [one, one] : [] };
    expect(
      verdict(verifyDecisionProof(parties.keyring, { commits: twice, value: closed })),
    ).toMatch('unordered');
  });

  it('is none in a cluster of three phases', () => {
    const others = new Evidence(testCluster());
    const value = others.commitValue();
    const commits = others.certificate(others.phase('prepare', value), [1, 2]);
    expect(verdict(verifyDecisionProof(others.of.keyring, { commits, value }))).toMatch(
      'wrong-kind',
    );
  });

  it('takes n - t replicas, in larger clusters too', () => {
    const seven = new Evidence(testCluster({ n: 7, f: 2, agreement: 'two-step' }));
    const value = seven.closed(seven.commitValue());
    const of = (replicas: readonly number[]) => ({
      commits: seven.certificate(seven.phase('prepare', value), replicas),
      value,
    });
    expect(verdict(verifyDecisionProof(seven.of.keyring, of([1, 2, 3, 4, 5])))).toBe('ok');
    expect(verdict(verifyDecisionProof(seven.of.keyring, of([1, 2, 3, 4])))).toMatch('wrong-count');
  });
});

describe('a closing certificate', () => {
  const proved = (value: OutcomeValue, of = evidence) =>
    verdict(verifyDecisionProof(of.of.keyring, of.decision(value)));

  it('is of a quorum, of the transaction, and of just the registrations of the commit', () => {
    expect(proved(closed)).toBe('ok');
    expect(proved({ ...closed, records: closed.records.slice(0, 1) })).toBe(
      'mismatch: enlistments of the closing',
    );
    const { closing } = closed;
    if (!closing) throw new Error('closed, and not closed');
    const few = { ...closing, signatures: closing.signatures.slice(0, 2) };
    expect(proved({ ...closed, closing: few })).toBe('wrong-count: 2 of 3 closings');
    const elsewhere = evidence.closed(commit, {
      tid: evidence.closing(0).statement.tid.replace('c', 'd') as never,
    });
    expect(proved(elsewhere)).toBe('mismatch: transaction of the closing');
    const signatures = closing.signatures.map((one, i) => ({ ...one, replica: replicaId(i + 1) }));
    expect(proved({ ...closed, closing: { ...closing, signatures } })).toMatch(
      /bad-signature|unknown-signer/,
    );
  });

  it('stands in no abort, and in no cluster of three phases', () => {
    const abort = { ...closed, outcome: 'abort', reason: 'rollback' } as const;
    const completion = [0, 1].map((each) => evidence.completion(each, { decision: 'rollback' }));
    expect(proved({ ...abort, completion })).toBe('mismatch: outcome and closing');
    const others = new Evidence(testCluster());
    expect(proved(others.closed(others.commitValue()), others)).toBe(
      'mismatch: agreement and closing',
    );
  });
});

describe('a message about a bond', () => {
  const received = (message: PeerMessage) =>
    verdict(verifyPeerMessage(parties.keyring, replicaId(2), message));
  const bonded = (value: OutcomeValue, over: Partial<PhaseStatement> = {}, inView = 1) =>
    ({
      kind: 'bonded',
      slot,
      view: view(inView),
      proposal: { prePrepare: evidence.prePrepare(value, over), value },
    }) as const;

  it('shows a proposal at the first attempt of an earlier view, which may stand there', () => {
    expect(received(bonded(closed))).toBe('ok');
    expect(received({ kind: 'bonded', slot, view: view(0), proposal: null })).toBe('ok');
    expect(received(bonded(closed, {}, 0))).toBe('mismatch: views of a bond');
    expect(received(bonded(closed, ballot(0, 1)))).toBe('mismatch: attempt of a bond');
    expect(received(bonded(closed, ballot(1), 2))).toBe('mismatch: view of a bond');
    expect(received(bonded(commit))).toBe('mismatch: view of a bond');
    const activation = evidence.phase('commit', evidence.activationValue()).slot;
    expect(received({ ...bonded(closed), slot: activation })).toBe('mismatch: slot of a bond');
  });

  it('or of a closing is signed by the replica that it comes from', () => {
    expect(received({ kind: 'closing', signed: evidence.closing(2) })).toBe('ok');
    expect(received({ kind: 'closing', signed: evidence.closing(1) })).toMatch('bad-signature');
  });
});

describe('the rules of two steps', () => {
  function rules() {
    const stored = new Map<string, Uint8Array>();
    const made = new SafetyRules({
      cluster: parties.cluster.id,
      agreement: 'two-step',
      sign: parties.replicaSign(2),
      persist: (name, value) => (value ? stored.set(name, value) : stored.delete(name)),
      persistSigned: (name, encode) => stored.set(name, encode()),
      mayVote: () => true,
      isForgotten: () => false,
    });
    made.open(slotKey(slot));
    return { made, stored };
  }
  const proposal = (value: OutcomeValue, inView = 0, attempt = 0) => ({
    prePrepare: evidence.prePrepare(value, ballot(inView, attempt)),
    value,
  });
  const said = (answer: SignedPhase<string>) =>
    answer.kind === 'signed' ? answer.signed.statement.phase : answer.objection;

  it('at a first attempt stands what a quorum witnessed in that view', () => {
    const { made } = rules();
    expect(said(made.prepare(proposal(commit)))).toBe('unwitnessed');
    expect(said(made.prepare(proposal(later)))).toBe('unwitnessed');
    expect(said(made.prepare(proposal(closed)))).toBe('prepare');
    expect(said(rules().made.prepare(proposal(closed, 1)))).toBe('unwitnessed');
    expect(said(rules().made.prepare(proposal(commit, 0, 1)))).toBe('prepare');
  });

  it('a vote at a first attempt binds, restarts included', () => {
    const { made, stored } = rules();
    made.prepare(proposal(closed));
    for (const attempt of [1, 2]) {
      expect(said(made.prepare(proposal(other, 0, attempt)))).toBe('bonded');
    }
    const restarted = rules().made;
    restarted.restore(
      [...stored].map(([key, value]) => ({ key, value })),
      () => false,
    );
    expect(said(restarted.prepare(proposal(other, 1, 1)))).toBe('bonded');
    expect(said(restarted.prepare(proposal(closed, 1, 1)))).toBe('prepare');
    expect(restarted.isBoundIn(slot, view(9))).toBe(true);
  });

  it('it gives way to what a quorum witnessed in a later view, and not in its own', () => {
    const { made } = rules();
    made.prepare(proposal(closed));
    expect(said(made.prepare(proposal(other, 1, 1)))).toBe('bonded');
    expect(said(made.prepare(proposal(later, 1)))).toBe('prepare');
  });

  it('it gives way to a lock at its ballot or above, and to none below', () => {
    const { made } = rules();
    made.prepare(proposal(later, 1));
    made.lock(evidence.prepared(closed, ballot(0, 1)));
    expect(said(made.prepare(proposal(closed, 1, 1)))).toBe('bonded');
    made.lock(evidence.prepared(closed, ballot(1, 0)));
    expect(said(made.prepare(proposal(closed, 1, 1)))).toBe('prepare');
  });

  it('a lock gives way to what a quorum witnessed in a later view', () => {
    const { made } = rules();
    made.lock(evidence.prepared(closed, ballot(0, 1)));
    expect(said(made.prepare(proposal(other, 1, 1)))).toBe('locked');
    expect(said(made.prepare(proposal(later, 1)))).toBe('prepare');
  });

  it('what was decided here is voted for, and nothing else', () => {
    const { made } = rules();
    expect(made.decidedEarly(evidence.phase('prepare', closed))).toBe(true);
    expect(made.decidedEarly(evidence.phase('prepare', closed))).toBe(false);
    expect(said(made.prepare(proposal(other, 0, 1)))).toBe('decided-otherwise');
    expect(said(made.prepare(proposal(closed, 0, 1)))).toBe('prepare');
    expect(() => made.decidedEarly(evidence.phase('prepare', other))).toThrow('one decision');
    expect(made.windows).toBe(1);
    made.close(slotKey(slot));
    expect(made.windows).toBe(0);
  });

  it('what was decided here is not given up', () => {
    const { made } = rules();
    made.prepare(proposal(closed));
    made.decidedEarly(evidence.phase('prepare', closed));
    expect(() => made.release(slotKey(slot))).toThrow('not given up');
  });
});
