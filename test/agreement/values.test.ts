import { describe, expect, test } from 'vitest';
import { verifyDecisionProof } from '../../src/agreement/check-message.js';
import type { DecisionProof, OutcomeValue, SlotValue } from '../../src/agreement/messages.js';
import {
  enlistmentId,
  initiatorId,
  participantId,
  replicaId,
  transactionId,
  view,
} from '../../src/kernel/ids.js';
import { Evidence, upTo } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { verdict } from './verdict.js';

const evidence = new Evidence(testCluster());
const { keyring } = evidence.of;
const commit = evidence.commitValue();
const activation = evidence.activationValue();
const otherTid = transactionId('00000000-0000-8000-8000-00000000beef');

const proofVerdict = (proof: DecisionProof) => verdict(verifyDecisionProof(keyring, proof));
/** A quorum signed this value all the same: what can only be wrong is the value. */
const valueVerdict = (value: SlotValue) => proofVerdict(evidence.decision(value));
const withOutcome = (over: Partial<OutcomeValue>) => valueVerdict(evidence.commitValue(over));

describe('activation value', () => {
  const withActivation = (over: Partial<typeof activation>) =>
    valueVerdict(evidence.activationValue(over));
  const { requests, proposals } = activation;

  test('exactly f + 1 requests of different initiators', () => {
    expect(withActivation({ requests: requests.slice(1) })).toBe('wrong-count: 1 of 2 requests');
    expect(withActivation({ requests: [...requests, evidence.request(2)] })).toBe(
      'wrong-count: 3 of 2 requests',
    );
    expect(withActivation({ requests: [evidence.request(0), evidence.request(0)] })).toBe(
      'unordered: initiators of the requests',
    );
  });

  test('requests alike in all but the initiator', () => {
    const withOther = (over: object) =>
      withActivation({ requests: [evidence.request(0), evidence.request(1, over)] });
    for (const over of [{ timestamp: 1 }, { client: 'mallory' }]) {
      expect(withOther(over)).toBe('mismatch: request and slot');
    }
    for (const over of [{ expiresMs: 1 }, { request: '00'.repeat(32) }]) {
      expect(withOther(over)).toBe('mismatch: contents of the requests');
    }
  });

  test('exactly a quorum of proposals of different replicas', () => {
    expect(withActivation({ proposals: proposals.slice(1) })).toBe('wrong-count: 2 of 3 proposals');
    const all = upTo(4).map((i) => evidence.proposal(i));
    expect(withActivation({ proposals: all })).toBe('wrong-count: 4 of 3 proposals');
    const proof = evidence.decision(activation);
    const reversed = { ...activation, proposals: proposals.toReversed() };
    expect(proofVerdict({ ...proof, value: reversed })).toBe('unordered: proposals');
    const [first] = proposals;
    if (first === undefined) throw new Error('no proposal');
    const twice = { ...activation, proposals: [first, ...proposals.slice(0, 2)] };
    expect(proofVerdict({ ...proof, value: twice })).toBe('unordered: proposals');
  });

  test('proposals of one view and of this slot', () => {
    const odd = (over: object) => [...proposals.slice(0, 2), evidence.proposal(2, over)];
    expect(withActivation({ proposals: odd({ view: view(1) }) })).toBe(
      'mismatch: views of the proposals',
    );
    const slot = { kind: 'activation', request: '00'.repeat(32) };
    expect(withActivation({ proposals: odd({ slot }) })).toBe('mismatch: proposal and slot');
  });

  test('every signature', () => {
    const forged = evidence.request(1, { initiator: initiatorId(0) });
    expect(withActivation({ requests: [forged, evidence.request(2)] })).toBe(
      'bad-signature: initiator 0',
    );
    const invented = evidence.proposal(0, { replica: replicaId(2) });
    expect(withActivation({ proposals: [...proposals.slice(0, 2), invented] })).toBe(
      'bad-signature: replica 2',
    );
  });
});

describe('outcome value', () => {
  const a = evidence.record('bank-a');
  const b = evidence.record('bank-b');
  const registration = evidence.registration('bank-b');

  test('well-founded aborts', () => {
    const abort = { outcome: 'abort', completion: [] } as const;
    const refused = evidence.record('bank-b', 'aborted');
    expect(withOutcome({ ...abort, reason: 'vote', records: [a, refused] })).toBe('ok');
    expect(withOutcome({ ...abort, reason: 'timeout', records: [a, { registration }] })).toBe('ok');
    const completion = [0, 2].map((i) => evidence.completion(i, { decision: 'rollback' }));
    expect(withOutcome({ ...abort, reason: 'rollback', records: [], completion })).toBe('ok');
  });

  test('an outcome that does not follow', () => {
    const unfounded = /^unfounded-outcome/;
    expect(withOutcome({ records: [a, { registration }] })).toMatch(unfounded);
    expect(withOutcome({ records: [a, evidence.record('bank-b', 'aborted')] })).toMatch(unfounded);
    expect(withOutcome({ completion: commit.completion.slice(1) })).toMatch(unfounded);
    expect(withOutcome({ outcome: 'abort', reason: 'vote' })).toMatch(unfounded);
    const mixed = [evidence.completion(0), evidence.completion(1, { decision: 'rollback' })];
    expect(withOutcome({ completion: mixed })).toMatch(unfounded);
  });

  test('records of another transaction', () => {
    const foreign = evidence.registration('bank-b', { tid: otherTid });
    expect(withOutcome({ records: [a, { registration: foreign }] })).toBe(
      'mismatch: transaction of the registration',
    );
    const vote = evidence.vote('bank-b', 'prepared', { tid: otherTid });
    expect(withOutcome({ records: [a, { registration, vote }] })).toBe(
      'mismatch: transaction of the vote',
    );
    const completion = [evidence.completion(0), evidence.completion(1, { tid: otherTid })];
    expect(withOutcome({ completion })).toBe('mismatch: transaction of the completion');
  });

  test('a vote of another participant or enlistment', () => {
    const enlistment = enlistmentId('bank-a.D-2');
    const vote = evidence.vote('bank-a', 'prepared', { enlistment });
    expect(withOutcome({ records: [a, { registration, vote }] })).toBe(
      'mismatch: participant of the vote',
    );
    const elsewhere = evidence.vote('bank-b', 'prepared', {
      enlistment: enlistmentId('bank-b.V-1'),
    });
    expect(withOutcome({ records: [a, { registration, vote: elsewhere }] })).toBe(
      'mismatch: enlistment of the vote',
    );
  });

  test('records out of order or twice', () => {
    const proof = evidence.decision(commit);
    for (const records of [
      [b, a],
      [a, a, b],
    ]) {
      expect(proofVerdict({ ...proof, value: { ...commit, records } })).toBe('unordered: records');
    }
  });

  test('one initiator twice, also where the outcome does not rest on it', () => {
    const completion = [evidence.completion(0), evidence.completion(0)];
    expect(withOutcome({ completion })).toBe('unordered: initiators of the completion');
    const records = [evidence.record('bank-a', 'aborted')];
    expect(withOutcome({ outcome: 'abort', reason: 'vote', records, completion })).toBe(
      'unordered: initiators of the completion',
    );
  });

  test('every signature', () => {
    const mallory = {
      participant: participantId('bank-b'),
      enlistment: enlistmentId('bank-b.D-1'),
    };
    const forgedRegistration = evidence.registration('bank-a', mallory);
    expect(withOutcome({ records: [a, { ...b, registration: forgedRegistration }] })).toBe(
      'bad-signature: participant bank-b',
    );
    const forgedVote = evidence.vote('bank-a', 'prepared', mallory);
    expect(withOutcome({ records: [a, { registration, vote: forgedVote }] })).toBe(
      'bad-signature: participant bank-b',
    );
    const forged = evidence.completion(0, { initiator: initiatorId(1) });
    expect(withOutcome({ completion: [evidence.completion(0), forged] })).toBe(
      'bad-signature: initiator 1',
    );
  });
});
