import { describe, expect, test } from 'vitest';
import { decodeDecisionProof, encodeDecisionProof } from '../../src/agreement/certificate.js';
import { verifyCommitCertificate, verifyDecisionProof } from '../../src/agreement/check-message.js';
import type { DecisionProof, SlotValue } from '../../src/agreement/messages.js';
import { WireError } from '../../src/kernel/codec/bytes.js';
import { transactionId } from '../../src/kernel/ids.js';
import type { Keyring } from '../../src/kernel/keys.js';
import { Evidence, upTo } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { verdict } from './verdict.js';

const evidence = new Evidence(testCluster());
const { keyring } = evidence.of;
const commit = evidence.commitValue();
const activation = evidence.activationValue();
const otherTid = transactionId('00000000-0000-8000-8000-00000000beef');

const proofVerdict = (proof: DecisionProof, keys: Keyring = keyring) =>
  verdict(verifyDecisionProof(keys, proof));
/** A quorum signed this value all the same: what can only be wrong is the value. */
const valueVerdict = (value: SlotValue) => proofVerdict(evidence.decision(value));

describe('decision proof', () => {
  test('of an activation or an outcome verifies, also with more than a quorum', () => {
    expect(valueVerdict(activation)).toBe('ok');
    expect(valueVerdict(commit)).toBe('ok');
    const all = evidence.certificate(evidence.phase('commit', commit), upTo(4));
    expect(proofVerdict({ commits: all, value: commit })).toBe('ok');
    const large = new Evidence(testCluster({ n: 10, f: 3, participants: ['a', 'b', 'c'] }));
    expect(proofVerdict(large.decision(large.commitValue()), large.of.keyring)).toBe('ok');
    expect(proofVerdict(large.decision(large.activationValue()), large.of.keyring)).toBe('ok');
  });

  test('needs a quorum even where n is more than 3f + 1', () => {
    const six = new Evidence(testCluster({ n: 6, f: 1 }));
    const value = six.commitValue();
    const commits = (count: number) => six.certificate(six.phase('commit', value), upTo(count));
    expect(verdict(verifyCommitCertificate(six.of.keyring, commits(3)))).toBe(
      'wrong-count: 3 of 4 commits',
    );
    expect(verdict(verifyCommitCertificate(six.of.keyring, commits(4)))).toBe('ok');
  });

  test('one byte changed anywhere is refused', () => {
    for (const value of [commit, activation]) {
      const bytes = encodeDecisionProof(evidence.decision(value));
      const accepted: number[] = [];
      for (let at = 0; at < bytes.length; at += 1) {
        for (const change of [0x01, 0x80]) {
          const changed = bytes.slice();
          changed[at] = (bytes[at] ?? 0) ^ change;
          if (isAccepted(changed)) accepted.push(at);
        }
      }
      expect(accepted).toEqual([]);
      expect(isAccepted(bytes)).toBe(true);
    }
  });

  test('of another cluster is refused', () => {
    const foreign = new Evidence(testCluster({ id: 'other' }));
    expect(isAccepted(encodeDecisionProof(foreign.decision(foreign.commitValue())))).toBe(false);
  });
});

function isAccepted(bytes: Uint8Array): boolean {
  try {
    return verifyDecisionProof(keyring, decodeDecisionProof(evidence.of.cluster.id, bytes)).ok;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

describe('statement and value', () => {
  test('another value than the digest names', () => {
    const { commits } = evidence.decision(commit);
    const fewer = evidence.commitValue({ records: commit.records.slice(1) });
    expect(proofVerdict({ commits, value: fewer })).toBe('mismatch: digest of the value');
    expect(proofVerdict({ commits, value: activation })).toBe('wrong-kind: activation');
  });

  test('a result that the value does not have', () => {
    const abort = { kind: 'outcome', outcome: 'abort' } as const;
    expect(proofVerdict(evidence.decision(commit, { result: abort }))).toBe(
      'mismatch: outcome and result',
    );
    const { result } = evidence.phase('commit', activation);
    expect(
      proofVerdict(
        evidence.decision(activation, { result: { ...result, tid: otherTid } as never }),
      ),
    ).toBe('mismatch: transaction id and proposals');
    const content = '00'.repeat(32);
    expect(
      proofVerdict(evidence.decision(activation, { result: { ...result, content } as never })),
    ).toBe('mismatch: content and requests');
  });

  test('the slot of another transaction or request', () => {
    const slot = { kind: 'outcome', tid: otherTid } as const;
    expect(proofVerdict(evidence.decision(commit, { slot }))).toBe(
      'mismatch: transaction and slot',
    );
    const request = { kind: 'activation', request: '00'.repeat(32) } as never;
    expect(proofVerdict(evidence.decision(activation, { slot: request }))).toBe(
      'mismatch: request and slot',
    );
  });
});
