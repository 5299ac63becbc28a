import { describe, expect, test } from 'vitest';
import {
  verifyCommitCertificate,
  verifyPreparedCertificate,
  verifyStatement,
} from '../../src/agreement/check-message.js';
import type { UuidProposal } from '../../src/agreement/messages.js';
import type { Statement } from '../../src/agreement/statements.js';
import {
  attempt,
  initiatorId,
  participantId,
  replicaId,
  transactionId,
  view,
} from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { verdict } from './verdict.js';

const evidence = new Evidence(testCluster());
const { keyring } = evidence.of;
const commit = evidence.commitValue();
const activation = evidence.activationValue();
const otherTid = transactionId('00000000-0000-8000-8000-00000000beef');

describe('statements', () => {
  test('of every kind verify under the key of the party that they name', () => {
    const all: Signed<Statement | UuidProposal>[] = [
      evidence.request(0),
      evidence.completion(1),
      evidence.registration('bank-a'),
      evidence.vote('bank-b'),
      evidence.proposal(3),
    ];
    for (const signed of all) {
      expect(verifyStatement(keyring, signed)).toEqual({ ok: true, value: signed });
    }
  });

  test('of one party in the name of another do not', () => {
    const forged = evidence.completion(0, { initiator: initiatorId(1) });
    expect(verdict(verifyStatement(keyring, forged))).toBe('bad-signature: initiator 1');
    const stolen = evidence.vote('bank-a', 'aborted', { participant: participantId('bank-b') });
    expect(verdict(verifyStatement(keyring, stolen))).toBe('bad-signature: participant bank-b');
    const impersonated = evidence.proposal(0, { replica: replicaId(1) });
    expect(verdict(verifyStatement(keyring, impersonated))).toBe('bad-signature: replica 1');
    const stranger = evidence.request(0, { initiator: initiatorId(7) });
    expect(verdict(verifyStatement(keyring, stranger))).toBe('unknown-signer: initiator 7');
  });

  test('of another cluster, whose members have the same names, do not', () => {
    const foreign = new Evidence(testCluster({ id: 'other' })).completion(0);
    expect(verdict(verifyStatement(keyring, foreign))).toBe('bad-signature: initiator 0');
  });
});

describe('commit certificate', () => {
  const statement = evidence.phase('commit', commit);
  const certificateVerdict = (...args: Parameters<Evidence['certificate']>) =>
    verdict(verifyCommitCertificate(keyring, evidence.certificate(...args)));

  test('too few signatures, or one of them twice', () => {
    expect(certificateVerdict(statement, [0, 1])).toBe('wrong-count: 2 of 3 commits');
    expect(certificateVerdict(statement, [0, 1, 1])).toBe('unordered: signatures');
    expect(certificateVerdict(statement, [2, 1, 0])).toBe('unordered: signatures');
  });

  test('prepares or a pre-prepare in place of commits', () => {
    expect(certificateVerdict({ ...statement, phase: 'prepare' }, [0, 1, 2])).toBe(
      'wrong-kind: prepare',
    );
    expect(certificateVerdict({ ...statement, phase: 'pre-prepare' }, [0, 1, 2])).toBe(
      'wrong-kind: pre-prepare',
    );
  });

  test('a signature under another text among good ones', () => {
    const good = evidence.certificate(statement, [0, 1, 2]);
    for (const odd of [
      { ...statement, phase: 'prepare' as const },
      { ...statement, ballot: { view: view(1), attempt: attempt(0) } },
      { ...statement, result: { kind: 'outcome' as const, outcome: 'abort' as const } },
    ]) {
      const [foreign] = evidence.certificate(odd, [3]).signatures;
      if (foreign === undefined) throw new Error('no signature');
      const mixed = { ...good, signatures: [...good.signatures, foreign] };
      expect(verdict(verifyCommitCertificate(keyring, mixed))).toBe('bad-signature: replica 3');
    }
  });

  test('a signature in the name of another, or of nobody', () => {
    const good = evidence.certificate(statement, [0, 1, 2]);
    const renamed = (from: number, to: number) => ({
      ...good,
      signatures: good.signatures.map((entry) =>
        entry.replica === from ? { ...entry, replica: replicaId(to) } : entry,
      ),
    });
    expect(verdict(verifyCommitCertificate(keyring, renamed(2, 3)))).toBe(
      'bad-signature: replica 3',
    );
    expect(verdict(verifyCommitCertificate(keyring, renamed(2, 9)))).toBe(
      'unknown-signer: replica 9',
    );
  });
});

describe('prepared certificate', () => {
  const preparedVerdict = (certificate: ReturnType<Evidence['prepared']>) =>
    verdict(verifyPreparedCertificate(keyring, certificate));
  const good = evidence.prepared(commit);
  const prepare = good.prepares.statement;
  const withPrepares = (...args: Parameters<Evidence['certificate']>) =>
    preparedVerdict({ ...good, prepares: evidence.certificate(...args) });

  test('verifies, in any view', () => {
    expect(preparedVerdict(good)).toBe('ok');
    const ballot = { view: view(6), attempt: attempt(2) };
    expect(preparedVerdict(evidence.prepared(activation, { ballot }))).toBe('ok');
  });

  test('too few prepares, one twice, or the primary among them', () => {
    expect(withPrepares(prepare, [1])).toBe('wrong-count: 1 of 2 prepares');
    expect(withPrepares(prepare, [1, 1])).toBe('unordered: signatures');
    expect(withPrepares(prepare, [0, 1])).toBe('wrong-signer: a backup prepares');
  });

  test('prepares of another phase, slot, ballot, digest or result', () => {
    expect(withPrepares({ ...prepare, phase: 'commit' }, [1, 2])).toBe('wrong-kind: commit');
    for (const over of [
      { slot: { kind: 'outcome' as const, tid: otherTid } },
      { ballot: { view: view(1), attempt: attempt(0) } },
      { ballot: { view: view(0), attempt: attempt(1) } },
      { digest: '00'.repeat(32) as never },
      { result: { kind: 'outcome' as const, outcome: 'abort' as const } },
    ]) {
      expect(withPrepares({ ...prepare, ...over }, [1, 2])).toBe(
        'mismatch: pre-prepare and prepares',
      );
    }
  });

  test('a pre-prepare of a backup, or no pre-prepare', () => {
    const { statement } = good.prePrepare;
    const usurped = { ...good, prePrepare: evidence.signedPhase(1, statement) };
    expect(preparedVerdict(usurped)).toBe('bad-signature: replica 0');
    const other = { ...good, prePrepare: evidence.signedPhase(0, prepare) };
    expect(preparedVerdict(other)).toBe('wrong-kind: prepare');
  });

  test('a forged prepare, another value, an unfounded value', () => {
    const [first, second] = good.prepares.signatures;
    if (first === undefined || second === undefined) throw new Error('no signatures');
    const signatures = [first, { ...second, signature: first.signature }];
    expect(preparedVerdict({ ...good, prepares: { ...good.prepares, signatures } })).toBe(
      'bad-signature: replica 2',
    );
    const fewer = evidence.commitValue({ records: commit.records.slice(1) });
    expect(preparedVerdict({ ...good, value: fewer })).toBe('mismatch: digest of the value');
    const unfounded = evidence.commitValue({ completion: [] });
    expect(preparedVerdict(evidence.prepared(unfounded))).toMatch(/^unfounded-outcome/);
  });
});
