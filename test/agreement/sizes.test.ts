import { describe, expect, it } from 'vitest';
import {
  decodeDecisionProof,
  decodePreparedCertificate,
  encodeCommitCertificate,
  encodeDecisionProof,
  encodePreparedCertificate,
} from '../../src/agreement/certificate.js';
import { verifyPeerMessage } from '../../src/agreement/check-message.js';
import type { PeerMessage } from '../../src/agreement/messages.js';
import { decodePeerMessage, encodePeerMessage } from '../../src/agreement/peer-message.js';
import { encodeSigned } from '../../src/agreement/signing.js';
import {
  decisionProofBytesMax,
  newViewBytesMax,
  preparedCertificateBytesMax,
  sizeLimits,
  viewChangeBytesMax,
  viewChangeHeadBytesMax,
} from '../../src/agreement/sizes.js';
import { encodeValue } from '../../src/agreement/values.js';
import { signatureBytesMax } from '../../src/kernel/batch.js';
import { limits } from '../../src/kernel/codec/limits.js';
import { digest, oneCorrect, replicaId, view } from '../../src/kernel/ids.js';
import { upTo } from '../support/evidence.js';
import {
  evidence,
  largestClient,
  largestLock,
  largestOutcome,
  largestRegistrations,
  largestParties as parties,
} from '../support/largest.js';

const { cluster, keyring } = parties;
const all = upTo(limits.replicas);
const requests = all.map((index) =>
  evidence.request(index % cluster.initiators.length, { client: largestClient }),
);

/** What it verifies as, once it has gone through the codec. */
function received(from: number, message: PeerMessage) {
  const bytes = encodePeerMessage(message);
  expect(bytes.length).toBeLessThan(limits.peerMessageBytes / 4);
  return verifyPeerMessage(keyring, replicaId(from), decodePeerMessage(cluster.id, bytes));
}

describe('what is derived of sizes', () => {
  const value = largestOutcome(limits.replicas);

  it('is the length of the largest registration, with invitations passed on as often as may be', () => {
    const [registration] = largestRegistrations();
    expect(registration && encodeSigned(registration).length).toBe(sizeLimits.registration);
  });

  it('is the length of the largest activation', () => {
    const proposals = all.map((replica) => evidence.proposal(replica));
    const activation = evidence.activationValue({ requests, proposals });
    expect(encodeValue(activation).length).toBe(sizeLimits.activationValue);
    const statement = evidence.phase('commit', activation);
    const certificate = encodeCommitCertificate(evidence.certificate(statement, all));
    expect(certificate.length).toBe(sizeLimits.commitCertificate);
  });

  it('is the length of the outcome of as many enlistments as there may be', () => {
    expect(encodeValue(value).length).toBe(sizeLimits.outcomeValue);
  });

  it('is the length of its proof and, but for one signature, of its lock', () => {
    const commits = evidence.certificate(evidence.phase('commit', value), all);
    const proof = encodeDecisionProof({ commits, value });
    expect(proof.length).toBe(decisionProofBytesMax);
    const again = encodeDecisionProof(decodeDecisionProof(cluster.id, proof));
    expect(Buffer.compare(again, proof)).toBe(0);
    const lock = encodePreparedCertificate(largestLock(value));
    expect(lock.length).toBe(preparedCertificateBytesMax - (2 + signatureBytesMax));
    const same = encodePreparedCertificate(decodePreparedCertificate(cluster.id, lock));
    expect(Buffer.compare(same, lock)).toBe(0);
  });

  it('is the length of what is around locks and view changes', () => {
    const viewChange = evidence.viewChange(0, 5, []);
    expect(viewChange.bytes.length).toBe(viewChangeHeadBytesMax);
    const full = { ...viewChange, bytes: new Uint8Array(viewChangeBytesMax(limits.replicas)) };
    const viewChanges = all.map((replica) => ({ ...full, replica: replicaId(replica) }));
    const { length } = encodeSigned(evidence.newView(5, viewChanges));
    expect(length).toBeLessThanOrEqual(newViewBytesMax);
    expect(length).toBeGreaterThan(newViewBytesMax - limits.replicas);
  });
});

describe('the largest message of each kind', () => {
  const value = largestOutcome(cluster.initiators.length);
  const lock = largestLock(value);

  it.each<[string, number, PeerMessage]>([
    ['a lock', 1, { kind: 'prepared', certificate: lock }],
    ['a proposal', 0, { kind: 'pre-prepare', prePrepare: lock.prePrepare, value }],
    [
      'a proof',
      1,
      {
        kind: 'decided',
        proof: { commits: evidence.certificate(evidence.phase('commit', value), all), value },
      },
    ],
    ['a registration', 1, { kind: 'record', record: value.records[0]?.registration ?? never() }],
    ['the requests', 1, { kind: 'requests', requests: requests.slice(0, 43) }],
  ])('is %s: it fits, is read, and verifies', (_, from, message) => {
    expect(received(from, message).ok).toBe(true);
  });

  it('is a page of an inventory', () => {
    const slot = { kind: 'activation', request: digest('ab'.repeat(32)) } as const;
    const slots = Array.from({ length: limits.inventoryEntries }, () => slot);
    const sender = { view: view(2 ** 40), entered: view(2 ** 40), recovering: false };
    const page = {
      question: slot.request,
      after: 0,
      last: false,
      open: slots,
      finished: slots,
      ...sender,
    };
    // As many floors as a page holds; what is checked is the size, and one that verifies.
    const floor = requests.slice(0, oneCorrect(keyring.resilience));
    const floors = Array.from({ length: limits.inventoryFloors }, () => floor);
    const message: PeerMessage = { kind: 'inventory', ...page, floors };
    expect(encodePeerMessage(message).length).toBeLessThan(limits.peerMessageBytes);
    expect(received(1, { ...message, floors: [floor] }).ok).toBe(true);
  });
});

function never(): never {
  throw new Error('there is one');
}
