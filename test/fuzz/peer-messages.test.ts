import { describe, expect, it } from 'vitest';
import { verifyPeerMessage } from '../../src/agreement/check-message.js';
import type { PeerMessage } from '../../src/agreement/messages.js';
import { decodePeerMessage, encodePeerMessage } from '../../src/agreement/peer-message.js';
import { WireError } from '../../src/kernel/codec/bytes.js';
import { replicaId } from '../../src/kernel/ids.js';
import { FrameDecoder, FrameError, peerFraming } from '../../src/kernel/links/frames.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';
import { mutateBytes } from './mutate/bytes.js';
import { distort, invent, type Liar } from './peer/lies.js';
import { Random } from './support/random.js';

const of = testCluster();
const evidence = new Evidence(of);
const cluster = of.cluster.id;
const self = replicaId(3);
const liar: Liar = { cluster, self, sign: of.replicaSign(3), replicas: 4 };
const activation = evidence.activationValue();
const outcome = evidence.commitValue();

/** One true message of each kind. */
const truths: readonly PeerMessage[] = [
  { kind: 'requests', requests: evidence.requests() },
  {
    kind: 'activation-pre-prepare',
    requests: evidence.requests(),
    proposal: evidence.proposal(0),
  },
  { kind: 'pre-prepare-reply', proposal: evidence.proposal(3) },
  { kind: 'pre-prepare', prePrepare: evidence.prePrepare(activation), value: activation },
  { kind: 'pre-prepare', prePrepare: evidence.prePrepare(outcome), value: outcome },
  { kind: 'phase', signed: evidence.signedPhase(3, evidence.phase('prepare', outcome)) },
  { kind: 'phase', signed: evidence.signedPhase(3, evidence.phase('commit', outcome)) },
  { kind: 'record', record: evidence.vote('bank-a') },
  { kind: 'view-change', viewChange: evidence.viewChange(3, 1, [evidence.prepared(outcome)]) },
  {
    kind: 'new-view',
    newView: evidence.newView(
      3,
      [0, 1, 2].map((replica) => evidence.viewChange(replica, 3)),
    ),
  },
  { kind: 'prepared', certificate: evidence.prepared(outcome) },
  { kind: 'decided', proof: evidence.decision(outcome) },
];
const frames = truths.map(encodePeerMessage);
const unsigned: readonly PeerMessage['kind'][] = [
  'fetch',
  'fetch-transaction',
  'unknown-transaction',
  'recover',
  'inventory',
];

/** The message, or `undefined` where the bytes are refused as they should be. */
function decoded(bytes: Uint8Array): PeerMessage | undefined {
  try {
    return decodePeerMessage(cluster, bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

describe('a Byzantine replica', () => {
  it('cannot make the codec or the verifier fail, or forge, by changing bytes', () => {
    const known = new Set(frames.map((frame) => Buffer.from(frame).toString('hex')));
    for (let stream = 0; stream < 6000; stream += 1) {
      const random = new Random(1, stream);
      const bytes = mutateBytes(random, random.pick(frames));
      const message = decoded(bytes);
      if (message === undefined) continue;
      expect(Buffer.from(encodePeerMessage(message)).equals(bytes)).toBe(true);
      const verified = verifyPeerMessage(of.keyring, self, message);
      // Certificates may lose signatures that they do not need, and stay true.
      const isHarmless = unsigned.includes(message.kind) || known.has(bytes.toString('hex'));
      if (verified.ok && !isHarmless) expect(isPartOfTruth(message)).toBe(true);
    }
  });

  it('cannot make them fail by what it signs itself', () => {
    for (let stream = 0; stream < 3000; stream += 1) {
      const random = new Random(2, stream);
      try {
        const lie = random.oneIn(2)
          ? distort(random, liar, random.pick(truths))
          : invent(random, liar);
        const message = decoded(encodePeerMessage(lie));
        if (message !== undefined) verifyPeerMessage(of.keyring, self, message);
      } catch (error) {
        // Some lies cannot be told in bytes.
        if (!(error instanceof WireError)) throw error;
      }
    }
  });

  it('cannot make the framing fail, or hold more memory than it has sent', () => {
    for (let stream = 0; stream < 2000; stream += 1) {
      const random = new Random(3, stream);
      const decoder = new FrameDecoder(peerFraming);
      try {
        for (let chunks = random.between(1, 5); chunks > 0; chunks -= 1) {
          for (const { bytes } of decoder.push(random.bytes(random.between(1, 300))))
            decoded(bytes);
        }
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
      }
    }
  });
});

/** Whether all that is signed in the message was signed so by its signer. */
function isPartOfTruth(message: PeerMessage): boolean {
  const signaturesOf = (value: unknown): string[] => {
    if (value instanceof Uint8Array)
      return value.length === 64 ? [Buffer.from(value).toString('hex')] : [];
    return typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(signaturesOf)
      : [];
  };
  const known = new Set(truths.flatMap(signaturesOf));
  return signaturesOf(message).every((signature) => known.has(signature));
}
