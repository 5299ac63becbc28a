import { describe, expect, it } from 'vitest';
import { verifyPeerMessage } from '../../../src/agreement/check-message.js';
import { encodePeerMessage } from '../../../src/agreement/peer-message.js';
import { initiatorId, replicaId } from '../../../src/kernel/ids.js';
import { Keyring } from '../../../src/kernel/keys.js';
import { element } from '../../../src/soap/xml.js';
import { Checker } from '../../../src/transaction/checks/checker.js';
import { evidenceIn } from '../../../src/transaction/checks/evidence.js';
import { proofExtension, statementExtension } from '../../../src/transaction/soap/extension.js';
import { checksOf, cluster, record } from '../../support/completion-records.js';

const from = replicaId(1);
const checker = () => new Checker(cluster);

describe('what a worker vouches for', () => {
  it('is a signature that holds, and the main thread checks it no more', () => {
    const message = record();
    const { proved } = checker().check({ kind: 'peer', from, bytes: encodePeerMessage(message) });
    expect(proved.map(({ signer }) => signer)).toEqual([{ role: 'initiator', id: 0 }]);
    const keyring = Keyring.of(cluster);
    for (const each of proved) keyring.remember(each);
    const checks = checksOf(() => {
      expect(verifyPeerMessage(keyring, from, message).ok).toBe(true);
    });
    expect(checks).toBe(0);
  });

  it('is no signature of another party, and the main thread refuses that', () => {
    const message = record(0, 1);
    const { proved } = checker().check({ kind: 'peer', from, bytes: encodePeerMessage(message) });
    expect(proved).toEqual([]);
    expect(verifyPeerMessage(Keyring.of(cluster), from, message)).toMatchObject({
      ok: false,
      error: { code: 'bad-signature' },
    });
  });

  it('is nothing where it cannot read what it is given', () => {
    const nothing = { proved: [], checks: 0, message: undefined };
    expect(checker().check({ kind: 'peer', from, bytes: new Uint8Array([255]) })).toEqual(nothing);
    expect(checker().check({ kind: 'envelope', text: '<a/>' })).toEqual(nothing);
    const evidence = { statements: [new Uint8Array([1])], certificates: [new Uint8Array([1])] };
    expect(checker().check({ kind: 'evidence', evidence })).toEqual(nothing);
  });

  it('counts for the signer and the bytes that it was over, and for no others', () => {
    const message = record();
    const { proved } = checker().check({ kind: 'peer', from, bytes: encodePeerMessage(message) });
    const [one] = proved;
    if (one === undefined) throw new Error('nothing is proved');
    const { bytes, signature } = message.record;
    const keyring = Keyring.of(cluster);
    keyring.remember(one);
    const another = { role: 'initiator', id: initiatorId(1) } as const;
    expect(keyring.verifies(another, bytes, signature)).toBe(false);
    const other = bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte));
    expect(keyring.verifies(one.signer, other, signature)).toBe(false);
  });

  it('is looked for in no more of a message than its reader takes', () => {
    const parts = [
      ...Array.from({ length: 100 }, (_, index) => statementExtension(new Uint8Array([index]))),
      ...Array.from({ length: 3 }, (_, index) => proofExtension(new Uint8Array([index]))),
    ];
    const body = element({ ns: 'urn:test', prefix: 't', name: 'Ask' }, [], ...parts);
    const message = { version: '1.2', addressing: { action: '' }, headers: [], body } as const;
    expect(evidenceIn(message, cluster.resilience)).toEqual({
      statements: [0, 1, 2, 3].map((byte) => Buffer.from([byte])),
      certificates: [Buffer.from([0])],
    });
  });
});
