import { clientId, digest, view } from '../../../src/kernel/ids.js';
import { encodeFrame } from '../../../src/kernel/links/frames.js';
import { signOrdering } from '../../../src/ordering/check-message.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import { cycleNumber, type OrderingMessage, sequenceNumber } from '../../../src/ordering/types.js';
import { encodeSessionMessage, type SessionMessage } from '../../../src/session/message.js';
import { signSession } from '../../../src/session/proof.js';
import type { SessionId } from '../../../src/session/types.js';
import { mutateBytes } from '../mutate/bytes.js';
import type { Random } from '../support/random.js';
import type { Liar } from './lies.js';

const anyDigest = (random: Random) => digest(random.hex(32));
/** Positions, like all that is counted, begin at 1. */
const anyPosition = (random: Random) =>
  random.pick([1, random.between(1, 1000), 2 ** 40, 2 ** 53 - 1]);

const sessionLies: readonly ((random: Random, liar: Liar) => SessionMessage)[] = [
  (random, { cluster, sign }) => ({
    kind: 'history',
    history: signSession(sign, cluster, {
      kind: 'history',
      position: anyPosition(random),
      before: anyDigest(random),
      root: anyDigest(random),
    }),
  }),
  (random, { cluster, sign, self }) => ({
    kind: 'witness',
    witnesses: Array.from({ length: random.between(1, 50) }, (_, index) =>
      signSession(sign, cluster, {
        kind: 'witness',
        session: random.hex(32) as SessionId,
        sequence: index + 1,
        head: anyDigest(random),
        result: anyDigest(random),
        replica: self,
      }),
    ),
  }),
  (random, { cluster, sign }) => ({
    kind: 'order',
    order: signSession(sign, cluster, {
      kind: 'order',
      lane: random.below(32),
      number: anyPosition(random),
      owner: clientId(`c${random.hex(4)}`),
      transfers: anyDigest(random),
    }),
  }),
  (random) => ({
    kind: 'attest',
    subject: { kind: 'session', session: random.hex(32) as SessionId },
  }),
  (random) => ({
    kind: 'fetch',
    what: random.pick([
      { kind: 'run', session: random.hex(32) as SessionId, next: random.between(1, 100) },
      { kind: 'final', position: anyPosition(random) },
      { kind: 'order', lane: random.below(32), number: anyPosition(random) },
    ]),
  }),
];

const orderingLies: readonly ((random: Random, liar: Liar) => OrderingMessage)[] = [
  (random, { cluster, sign, self }) => {
    const value = { batch: [], readmit: [], complaints: [] };
    const statement = {
      kind: 'proposal',
      scope: 'antipaxos',
      cycle: cycleNumber(anyPosition(random)),
      replica: self,
      digest: anyDigest(random),
    } as const;
    const proposal = signOrdering(sign, cluster, statement);
    return { scope: 'antipaxos', kind: 'proposal', proposal, value };
  },
  (random, { cluster, sign, self, replicas }) => ({
    scope: 'antipaxos',
    kind: 'report',
    report: signOrdering(sign, cluster, {
      kind: 'report',
      scope: 'antipaxos',
      cycle: cycleNumber(anyPosition(random)),
      replica: self,
      entries: Array.from({ length: replicas }, () => null),
    }),
  }),
  (random) => ({
    scope: 'antipaxos',
    kind: 'fetch-value',
    cycle: cycleNumber(anyPosition(random)),
    digest: anyDigest(random),
  }),
  (random) => ({
    scope: random.pick(['antipaxos', 'decision-module', 'pbft']),
    kind: 'status',
    view: view(random.below(100)),
    position: anyPosition(random),
    stable: anyPosition(random),
  }),
  (random) => ({ scope: 'antipaxos', kind: 'rejoin', position: anyPosition(random) }),
  (random, { cluster, sign }) => ({
    scope: 'decision-module',
    kind: 'checkpoint',
    signed: signOrdering(sign, cluster, {
      kind: 'checkpoint',
      scope: 'decision-module',
      position: anyPosition(random),
      digest: anyDigest(random),
    }),
  }),
  (random, { cluster, sign }) => ({
    scope: 'decision-module',
    kind: 'phase',
    signed: signOrdering(sign, cluster, {
      kind: 'phase',
      scope: 'decision-module',
      phase: random.pick(['prepare', 'commit'] as const),
      view: view(random.below(8)),
      sequence: sequenceNumber(random.pick([1, random.below(500), 2 ** 40])),
      digest: anyDigest(random),
    }),
  }),
  (random) => ({
    scope: random.pick(['antipaxos', 'decision-module']),
    kind: 'requests',
    batch: Array.from({ length: random.between(1, 20) }, () => ({
      client: clientId(random.hex(20)),
      number: random.pick([1, 2, 2 ** 40]),
      payload: new Uint8Array(random.bytes(random.between(0, 3000))),
    })),
  }),
];

/** A frame about sessions or their order that is well-formed but for what it says, or not even that. */
export function sessionLie(random: Random, liar: Liar): Uint8Array {
  const isOrdering = random.oneIn(2);
  const bytes = isOrdering
    ? encodeOrderingMessage(random.pick(orderingLies)(random, liar))
    : encodeSessionMessage(random.pick(sessionLies)(random, liar));
  const message = random.oneIn(3) ? mutateBytes(random, bytes) : bytes;
  return encodeFrame(isOrdering ? 'ordering' : 'sessions', message.length > 0 ? message : bytes);
}
