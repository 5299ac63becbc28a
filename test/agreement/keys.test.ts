import { generateKeyPairSync, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  activationContent,
  activationSlotRequest,
  collectiveTransactionId,
} from '../../src/agreement/values.js';
import { sha256 } from '../../src/kernel/digest.js';
import { initiatorId, participantId, replicaId, transactionId } from '../../src/kernel/ids.js';
import { ed25519Signer, generateStatementKey, Keyring } from '../../src/kernel/keys.js';
import type { Signer } from '../../src/kernel/verifier.js';
import { activationStatements } from '../support/arbitraries.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';

const evidence = new Evidence(testCluster());
const { cluster, keyring } = evidence.of;
const text = Buffer.from('text');

describe('statement keys', () => {
  test('a made key signs, and its public half verifies', () => {
    const { privateKeyPem, publicKeyHex } = generateStatementKey();
    const own = Keyring.of({
      ...cluster,
      coordinators: cluster.coordinators.map((member) => ({
        ...member,
        statementKey: publicKeyHex,
      })),
    });
    const signature = ed25519Signer(privateKeyPem)(text);
    const signer: Signer = { role: 'replica', id: replicaId(0) };
    expect(own.verifies(signer, text, signature)).toBe(true);
    expect(keyring.verifies(signer, text, signature)).toBe(false);
    expect(generateStatementKey().publicKeyHex).not.toBe(publicKeyHex);
  });

  test('only Ed25519 keys sign statements', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(() => ed25519Signer(pem)).toThrow(/Ed25519/);
  });

  test('the same options make the same test cluster, another id other keys', () => {
    expect(testCluster().cluster).toEqual(cluster);
    const [key, foreign] = [testCluster(), testCluster({ id: 'other' })].map(
      (made) => made.cluster.coordinators[0]?.statementKey,
    );
    expect(key).not.toBe(foreign);
  });
});

describe('Keyring', () => {
  test('knows the members by role and id, and nobody else', () => {
    const signature = evidence.of.participantSign('bank-a')(text);
    const key = keyring.participant(participantId('bank-a'));
    expect(key && verify(null, text, key, signature)).toBe(true);
    expect(keyring.replica(replicaId(3))).toBeDefined();
    expect(keyring.replica(replicaId(4))).toBeUndefined();
    expect(keyring.initiator(initiatorId(2))).toBeDefined();
    expect(keyring.initiator(initiatorId(3))).toBeUndefined();
    expect(keyring.participant(participantId('bank-z'))).toBeUndefined();
  });

  test('remembers a good signature for its signer, text and signature only', () => {
    const signature = evidence.of.replicaSign(0)(text);
    const zero: Signer = { role: 'replica', id: replicaId(0) };
    for (let time = 0; time < 2; time += 1) {
      expect(keyring.verifies(zero, text, signature)).toBe(true);
      expect(keyring.verifies({ role: 'initiator', id: initiatorId(0) }, text, signature)).toBe(
        false,
      );
      expect(keyring.verifies({ role: 'replica', id: replicaId(1) }, text, signature)).toBe(false);
      expect(keyring.verifies({ role: 'replica', id: replicaId(9) }, text, signature)).toBe(false);
      expect(keyring.verifies(zero, Buffer.from('Text'), signature)).toBe(false);
      expect(keyring.verifies(zero, text, evidence.of.replicaSign(1)(text))).toBe(false);
      expect(keyring.verifies(zero, text, signature.subarray(1))).toBe(false);
      // The same text and signature, cut elsewhere.
      const shifted = Buffer.concat([signature.subarray(63), text]);
      expect(keyring.verifies(zero, shifted, signature.subarray(0, 63))).toBe(false);
    }
  });

  test('refuses a cluster with a key out of form', () => {
    const [first, ...rest] = cluster.participants;
    const broken = { ...cluster, participants: [{ ...first, statementKey: 'AB' }, ...rest] };
    expect(() => Keyring.of(broken as typeof cluster)).toThrow(TypeError);
  });
});

describe('an activation', () => {
  const fields = ['client', 'timestamp', 'request', 'expiresMs'] as const;

  test('has one slot and one content, whichever initiator states it', () => {
    fc.assert(
      fc.property(activationStatements, fc.nat(100), (statement, index) => {
        const from = { ...statement, initiator: initiatorId(index) };
        expect(activationSlotRequest(from)).toBe(activationSlotRequest(statement));
        expect(activationContent(from)).toBe(activationContent(statement));
      }),
    );
  });

  test('has another slot where the client or the timestamp differs, and only there', () => {
    fc.assert(
      fc.property(
        activationStatements,
        activationStatements,
        fc.constantFrom(...fields),
        (a, b, field) => {
          fc.pre(a[field] !== b[field]);
          const changed = { ...a, [field]: b[field] };
          expect(activationContent(changed)).not.toBe(activationContent(a));
          const isInName = field === 'client' || field === 'timestamp';
          expect(activationSlotRequest(changed) === activationSlotRequest(a)).toBe(!isInName);
        },
      ),
    );
  });
});

describe('collectiveTransactionId', () => {
  const value = evidence.activationValue();
  const tid = collectiveTransactionId(value);

  test('is a UUID of version 8, variant 10, in canonical form', () => {
    expect(transactionId(tid)).toBe(tid);
    expect(tid).toMatch(/^.{14}8.{4}[89ab]/);
  });

  test('does not depend on the order of the proposals nor on who made which', () => {
    expect(collectiveTransactionId({ ...value, proposals: value.proposals.toReversed() })).toBe(
      tid,
    );
  });

  test('depends on each proposal and on the request', () => {
    const swappedIn = [...value.proposals.slice(1), evidence.proposal(3)];
    expect(collectiveTransactionId({ ...value, proposals: swappedIn })).not.toBe(tid);
    const requests = [0, 1].map((i) => evidence.request(i, { request: sha256(text) }));
    expect(collectiveTransactionId({ ...value, requests })).not.toBe(tid);
    expect(() => collectiveTransactionId({ ...value, requests: [] })).toThrow(RangeError);
  });

  test('is this for the test cluster', () => {
    // Pinned: a change of the derivation would split a cluster that is upgraded replica by replica.
    expect(tid).toMatchInlineSnapshot(`"caafcf2a-736d-8e8a-b6b7-6bc5b32781d8"`);
  });
});
