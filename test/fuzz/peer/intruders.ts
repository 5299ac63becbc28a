import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import {
  type Credential,
  issueAuthority,
  issueCertificate,
} from '../../../src/kernel/config/x509.js';
import { encodeFrame } from '../../../src/kernel/links/frames.js';
import type { Attack, Shot } from '../attack.js';
import { insiders } from '../ground/victim.js';
import { converse } from '../http/raw.js';
import type { Range } from '../soap/range.js';
import { authorityOf } from '../soap/strangers.js';
import type { Random } from '../support/random.js';
import { peerSession } from './session.js';

/** The listener's handshake has 5 s; then it closes. */
const closedWithinMs = 15_000;
const longAgo = new Date(Date.now() - 3000 * 86_400_000);

/** Those who are no coordinators, at the coordinators' peer ports. */
export function intruderAttacks(range: Range): Attack[] {
  const { cluster } = range.victim.local;
  const { frames } = range.victim.recording;
  const peers = cluster.coordinators.map(({ peer }) => peer);
  const raw = (kind: string, weight: number, make: (random: Random) => Buffer): Attack => ({
    kind: `peer port: ${kind}`,
    weight,
    launch: async (random) => {
      const bytes = make(random);
      const ended = await converse(random.pick(peers), closedWithinMs, (socket) => {
        if (bytes.length > 0) socket.write(bytes);
      });
      return [outcome(ended.how === 'closed', bytes)];
    },
  });
  const intrude = async (random: Random, context: SecureContext): Promise<Shot[]> => {
    const frame = encodeFrame('agreement', random.pick(frames));
    const session = await peerSession({
      ...random.pick(peers),
      context,
      chunks: [frame],
      lingerMs: closedWithinMs,
    });
    return [outcome(session.closed, frame)];
  };
  const tls = (kind: string, weight: number, options: SecureContextOptions): Attack => {
    const context = createSecureContext(options);
    return { kind: `peer port: ${kind}`, weight, launch: (random) => intrude(random, context) };
  };
  const subject = { commonName: 'coordinator-1', unit: 'coordinator', organization: cluster.id };
  const own = authorityOf(range);
  const keys = range.victim.keys;
  return [
    raw('binary garbage', 15, (random) => random.bytes(random.between(1, 3000))),
    raw('garbage in TLS', 15, (random) => {
      const content = random.bytes(random.between(1, 600));
      const head = Buffer.from([
        random.pick([20, 21, 22, 23, 24]),
        3,
        random.pick([1, 3, 4]),
        0,
        0,
      ]);
      head.writeUInt16BE(random.oneIn(3) ? random.below(65_536) : content.length, 3);
      return Buffer.concat([head, content]);
    }),
    raw('silence', 1, () => Buffer.alloc(0)),
    tls('no client certificate', 8, {}),
    tls(
      'certificate of another authority',
      8,
      shown(issueCertificate(issueAuthority(cluster.id), subject, [])),
    ),
    tls('certificate signed by itself', 8, shown(issueAuthority(cluster.id))),
    tls('certificate not in the cluster file', 8, shown(issueCertificate(own, subject, []))),
    tls('expired certificate', 8, shown(issueCertificate(own, subject, [], longAgo))),
    tls('certificate of a bank', 8, shown(keys.credential(insiders.participant))),
    tls('certificate of an initiator', 8, shown(keys.credential(insiders.initiator))),
    tls('certificate of a client', 8, shown(keys.credential(insiders.client))),
    tls('TLS 1.2', 8, { ...shown(keys.credential(insiders.coordinator)), maxVersion: 'TLSv1.2' }),
  ];
}

function outcome(closed: boolean, input: Uint8Array): Shot {
  return closed
    ? { answer: 'closed' }
    : { answer: 'left open', violation: `still open after ${closedWithinMs} ms`, input };
}

function shown({ certificate, privateKey }: Credential): SecureContextOptions {
  return { cert: certificate, key: privateKey };
}
