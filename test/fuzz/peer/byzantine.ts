import { createSecureContext } from 'node:tls';
import type { PeerMessage } from '../../../src/agreement/messages.js';
import { decodePeerMessage, encodePeerMessage } from '../../../src/agreement/peer-message.js';
import { WireError } from '../../../src/kernel/codec/bytes.js';
import { encodeFrame, maxMessageBytes, peerChannels } from '../../../src/kernel/links/frames.js';
import { type Attack, FuzzError, type Shot } from '../attack.js';
import { insiders } from '../ground/victim.js';
import { mutateBytes } from '../mutate/bytes.js';
import type { Range } from '../soap/range.js';
import type { Random } from '../support/random.js';
import { heaviestFrames } from './heaviest.js';
import { distort, invent, type Liar } from './lies.js';
import { peerSession } from './session.js';
import { sessionLie } from './session-lies.js';

/** Time for the other side to read what was sent and to close, if it will. */
const lingerMs = 60;

/** A coordinator that lies: whatever it sends costs no more than its own connection. */
export function byzantineAttacks({ victim }: Range): Attack[] {
  const { cluster } = victim.local;
  const { frames } = victim.recording;
  const self = cluster.coordinators.find(({ name }) => name === insiders.coordinator)?.id;
  if (self === undefined) throw new FuzzError('no such coordinator');
  const sign = victim.keys.statementSigner(insiders.coordinator);
  const liar: Liar = { cluster: cluster.id, self, sign, replicas: cluster.resilience.n };
  const truths = frames.map((frame) => decodePeerMessage(cluster.id, frame));
  const credential = victim.keys.credential(insiders.coordinator);
  const context = createSecureContext({
    cert: credential.certificate,
    key: credential.privateKey,
  });
  const others = cluster.coordinators.filter(({ id }) => id !== self).map(({ peer }) => peer);

  const attack = (
    kind: string,
    weight: number,
    make: (random: Random) => readonly Uint8Array[],
  ): Attack => ({
    kind: `Byzantine peer: ${kind}`,
    weight,
    launch: async (random) => {
      const chunks = make(random);
      const session = await peerSession({ ...random.pick(others), context, chunks, lingerMs });
      return chunks.slice(0, session.written).map((chunk, index): Shot => {
        const isLast = index === session.written - 1;
        const answer = isLast && session.closed ? 'closed' : 'sent';
        if (session.received === 0) return { answer };
        return { answer, violation: 'it was answered on a one-way connection', input: chunk };
      });
    },
  });
  const messages = (random: Random, count: number, make: () => PeerMessage): Uint8Array[] =>
    Array.from({ length: random.between(1, count) }, () => framed(make)).flat();

  return [
    ...Object.entries(heaviestFrames).map(([kind, make]) =>
      attack(`heaviest ${kind}`, 1, (random) => [make(random, liar)]),
    ),
    attack('malformed frame', 10, (random) => [random.pick(malformed)(random)]),
    attack('recorded message, bytes changed', 25, (random) => [
      agreement(mutateBytes(random, random.pick(frames))),
    ]),
    attack('recorded message, on another channel', 5, (random) => [
      encodeFrame(random.pick(peerChannels), random.pick(frames)),
    ]),
    attack('recorded messages again', 4, (random) =>
      Array.from({ length: random.between(10, 200) }, () => agreement(random.pick(frames))),
    ),
    attack('recorded messages, distorted and signed anew', 8, (random) =>
      messages(random, 100, () => distort(random, liar, random.pick(truths))),
    ),
    attack('lies about sessions and their order', 12, (random) =>
      Array.from({ length: random.between(1, 100) }, () => sessionLie(random, liar)),
    ),
    attack('flood of slots and views that nobody knows', 8, (random) =>
      messages(random, 200, () => invent(random, liar)),
    ),
  ];
}

const malformed: readonly ((random: Random) => Buffer)[] = [
  () => Buffer.alloc(4),
  () => length(maxMessageBytes + 2),
  () => length(0xffff_ffff),
  (random) => Buffer.concat([length(maxMessageBytes), random.bytes(1000)]),
  (random) => Buffer.concat([length(100), Buffer.of(random.between(3, 255)), random.bytes(99)]),
  (random) => Buffer.concat([length(100), random.bytes(random.below(100))]),
  (random) => random.bytes(random.between(1, 5000)),
  (random) => encodeFrame(random.pick(peerChannels), random.bytes(random.between(1, 5000))),
  (random) =>
    encodeFrame(
      random.pick(peerChannels),
      Buffer.alloc(random.between(100_000, 2_000_000), random.below(256)),
    ),
];

function length(bytes: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes);
  return prefix;
}

/** Ours make no empty message; a liar does. */
const emptyMessage = Buffer.concat([length(1), Buffer.of(peerChannels.indexOf('agreement'))]);

function agreement(message: Uint8Array): Buffer {
  return message.length > 0 ? encodeFrame('agreement', message) : emptyMessage;
}

/** Some lies cannot be told in bytes; they are left out. */
function framed(make: () => PeerMessage): Uint8Array[] {
  try {
    return [agreement(encodePeerMessage(make()))];
  } catch (error) {
    if (error instanceof WireError) return [];
    throw error;
  }
}
