import { describe, expect, test } from 'vitest';
import { verifyStatement } from '../../src/agreement/check-message.js';
import { decodeSignedStatement, encodeSigned } from '../../src/agreement/signing.js';
import { belongsTo, enlistmentId, participantId } from '../../src/kernel/ids.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { verdict } from './verdict.js';

const evidence = new Evidence(testCluster({ participants: ['bank', 'bank.a'] }));
const { cluster, keyring } = evidence.of;

describe('an enlistment id', () => {
  test.each([
    ['bank.D-1', 'bank', true],
    ['bank.a.D-1', 'bank.a', true],
    ['bank.a.D-1', 'bank', false],
    ['bank-b.D-1', 'bank', false],
    ['bank', 'bank', false],
    ['D-1', 'bank', false],
  ])('%s belongs to %s: %s', (id, participant, own) => {
    expect(belongsTo(enlistmentId(id), participantId(participant))).toBe(own);
  });

  test('of another participant cannot be registered, nor voted on', () => {
    const enlistment = enlistmentId('bank.a.D-1');
    const squatted = 'mismatch: participant and enlistment id';
    const registration = evidence.registration('bank', { enlistment });
    expect(verdict(verifyStatement(keyring, registration))).toBe(squatted);
    const vote = evidence.vote('bank', 'prepared', { enlistment });
    expect(verdict(verifyStatement(keyring, vote))).toBe(squatted);
  });

  test('has room for the longest participant id, and goes over the wire', () => {
    const longest = enlistmentId(`${'x'.repeat(63)}.D-${'0'.repeat(61)}`);
    expect(() => enlistmentId(`${longest}0`)).toThrow(RangeError);
    const vote = evidence.vote('bank', 'prepared', { enlistment: longest });
    const read = decodeSignedStatement(cluster.id, encodeSigned(vote));
    expect(read.statement).toEqual(vote.statement);
  });
});
