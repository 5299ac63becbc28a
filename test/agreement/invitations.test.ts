import { describe, expect, it } from 'vitest';
import {
  verifyDecisionProof,
  verifyPeerMessage,
  verifyStatement,
} from '../../src/agreement/check-message.js';
import type { RegistrationStatement } from '../../src/agreement/statements.js';
import { participantId, replicaId, transactionId } from '../../src/kernel/ids.js';
import { Evidence } from '../support/evidence.js';
import { invitationBy, invitationsOf, passedOn } from '../support/invitations.js';
import { testCluster } from '../support/keys.js';
import { verdict } from './verdict.js';

const parties = testCluster({ participants: ['bank-a', 'bank-b', 'bank-c', 'bank-d', 'bank-e'] });
const evidence = new Evidence(parties);
const { tid } = evidence;
const bank = (letter: string) => participantId(`bank-${letter}`);
const otherTid = transactionId('00000000-0000-8000-8000-0000000000ff');

/** What becomes of bank-z's registration with these invitations. */
function judge(name: string, invitations: RegistrationStatement['invitations']): string {
  const registration = evidence.registration(name, { invitations });
  const record = { kind: 'record', record: registration } as const;
  const relayed = verdict(verifyPeerMessage(parties.keyring, replicaId(0), record));
  const value = evidence.commitValue({ records: [{ registration, vote: evidence.vote(name) }] });
  const proved = verdict(verifyDecisionProof(parties.keyring, evidence.decision(value)));
  const alone = verdict(verifyStatement(parties.keyring, registration));
  expect(relayed, 'relayed').toBe(alone);
  expect(proved === 'ok', 'in a certificate').toBe(alone === 'ok');
  return alone;
}

const of = (letter: string, over = {}) => ({ tid, participant: bank(letter), ...over });
const by = (initiator: number, over = {}) => invitationBy(parties, initiator, of('c', over));

describe('a registration', () => {
  it('counts with the invitations of f + 1 initiators', () => {
    expect(judge('bank-c', [by(0), by(1)])).toBe('ok');
    expect(judge('bank-c', [by(1), by(2)])).toBe('ok');
  });

  it.each([
    ['none', []],
    ['of one initiator, who may lie', [by(0)]],
    ['of one initiator twice', [by(0), by(0)]],
    ['of more initiators than it takes', [by(0), by(1), by(2)]],
    ['out of order', [by(1), by(0)]],
    ['to another transaction', [by(0), by(1, { tid: otherTid })]],
    ['of another participant', [by(0), by(1, { participant: bank('b') })]],
    ['that allow different numbers', [by(0), by(1, { places: 3 })]],
    ['with a signature that is another’s', [by(0), { ...by(1), signature: by(0).signature }]],
  ])('does not count with invitations %s', (_what, invitations) => {
    expect(judge('bank-c', invitations)).toMatch(/^uninvited/);
  });

  it('does not count on the word of participants that are not invited themselves', () => {
    const uninvited = passedOn(parties, { ...of('d'), invitations: [] }, bank('c'));
    expect(judge('bank-c', [uninvited])).toMatch(/^uninvited/);
    const half = { ...of('d'), invitations: [invitationBy(parties, 0, of('d'))] };
    expect(judge('bank-c', [passedOn(parties, half, bank('c'))])).toMatch(/^uninvited/);
  });
});

describe('a context that is passed on', () => {
  const host = { ...of('a'), invitations: invitationsOf(parties, of('a')) };
  const toB = passedOn(parties, host, bank('b'));
  const toC = passedOn(parties, { ...of('b'), invitations: [toB] }, bank('c'));
  const toD = { ...of('c'), invitations: [toC] };

  it('invites, by a participant that is invited, twice at the most', () => {
    expect(judge('bank-b', [toB])).toBe('ok');
    expect(judge('bank-c', [toC])).toBe('ok');
    const tooFar = passedOn(parties, toD, bank('d'));
    const registration = evidence.registration('bank-d', { invitations: [tooFar] });
    expect(verdict(verifyStatement(parties.keyring, registration))).toMatch(/passed on too often/);
  });

  it('gives the guest no places of its own', () => {
    const few = {
      ...of('a', { places: 1 }),
      invitations: invitationsOf(parties, of('a', { places: 1 })),
    };
    const guest = [passedOn(parties, few, bank('b'))];
    const records = [
      {
        registration: evidence.registration('bank-a', { invitations: few.invitations }),
        vote: evidence.vote('bank-a'),
      },
      {
        registration: evidence.registration('bank-b', { invitations: guest }),
        vote: evidence.vote('bank-b'),
      },
    ];
    const proof = evidence.decision(evidence.commitValue({ records }));
    expect(verdict(verifyDecisionProof(parties.keyring, proof))).toMatch(/2 of 1 enlistments/);
  });
});
