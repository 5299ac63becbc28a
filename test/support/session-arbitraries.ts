import fc from 'fast-check';
import { clientId, type Digest, digest, replicaId } from '../../src/kernel/ids.js';
import type { SessionFetch } from '../../src/session/message.js';
import type {
  AttestationStatement,
  CallResult,
  OperationOutcome,
  OrderOutcome,
  SessionHeader,
  SessionId,
  SessionOperation,
  SessionRun,
  SessionStanding,
  SessionStatement,
  SessionTransfer,
} from '../../src/session/types.js';

/** Inputs of the session codec: whatever its types allow, within the limits. */
const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 64 });
const position = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const replica = fc.nat({ max: 63 }).map(replicaId);
const lane = fc.nat({ max: 31 });
export const anyDigest: fc.Arbitrary<Digest> = bytes(32).map((value) => digest(hex(value)));
export const anySessionId = anyDigest as fc.Arbitrary<SessionId>;

export const anyResult: fc.Arbitrary<CallResult> = fc.oneof(
  text.map((result): CallResult => ({ kind: 'done', result })),
  text.map((reason): CallResult => ({ kind: 'rejected', reason })),
);

export const anyHeader: fc.Arbitrary<SessionHeader> = fc.record({
  application: name,
  owner: name.map(clientId),
  certificate: fc.uint8Array({ maxLength: 100 }),
  nonce: bytes(16),
});

const anyCall = text.map((payload): SessionOperation => ({ kind: 'call', payload }));

export const anyOperations: fc.Arbitrary<readonly SessionOperation[]> = fc
  .tuple(fc.array(anyCall, { minLength: 1, maxLength: 5 }), fc.boolean())
  .map(([calls, ends]) => (ends ? [...calls, { kind: 'end' }] : calls));

export const anyRun: fc.Arbitrary<SessionRun> = fc.record({
  header: anyHeader,
  first: count,
  before: anyDigest,
  operations: anyOperations,
  signature: bytes(64),
});

export const anySubject: fc.Arbitrary<AttestationStatement['subject']> = fc.oneof(
  fc.record({ kind: fc.constant('session' as const), session: anySessionId }),
  fc.record({ kind: fc.constant('state' as const), application: name, key: text }),
);

const anyOrderOutcome: fc.Arbitrary<OrderOutcome> = fc.oneof(
  fc.constant<OrderOutcome>({ kind: 'committed' }),
  text.map((reason): OrderOutcome => ({ kind: 'aborted', reason })),
);

const operation = { session: anySessionId, sequence: count, head: anyDigest, result: anyDigest };

/** One statement of each kind. */
export const anyStatements = {
  receipt: fc.record({
    kind: fc.constant('receipt' as const),
    ...operation,
    base: position,
    baseHistory: anyDigest,
    deadline: position,
    replica,
  }),
  witness: fc.record({ kind: fc.constant('witness' as const), ...operation, replica }),
  history: fc.record({
    kind: fc.constant('history' as const),
    position: count,
    before: anyDigest,
    root: anyDigest,
  }),
  attestation: fc.record({
    kind: fc.constant('attestation' as const),
    subject: anySubject,
    value: fc.option(anyDigest, { nil: null }),
    position,
  }),
  order: fc.record({
    kind: fc.constant('order' as const),
    lane,
    number: count,
    owner: fc.constantFrom('alice', 'bob').map(clientId),
    transfers: anyDigest,
  }),
  'order-report': fc.record({
    kind: fc.constant('order-report' as const),
    lane,
    number: count,
    outcome: anyOrderOutcome,
    replica,
  }),
};

export const anyStatement: fc.Arbitrary<SessionStatement> = fc.oneof(
  ...Object.values<fc.Arbitrary<SessionStatement>>(anyStatements),
);

export const anyOutcome: fc.Arbitrary<OperationOutcome> = fc.record({
  session: anySessionId,
  sequence: count,
  head: anyDigest,
  result: anyResult,
});

const anyAccount = fc.record({ bank: name, account: name });

export const anyTransfer: fc.Arbitrary<SessionTransfer> = fc.record({
  from: anyAccount,
  to: anyAccount,
  amountMinor: count,
  currency: fc.constantFrom('EUR', 'USD'),
});

export const anyStanding: fc.Arbitrary<SessionStanding> = fc.record({
  next: count,
  head: anyDigest,
  since: position,
});

export const anyFetch: fc.Arbitrary<SessionFetch> = fc.oneof(
  fc.record({ kind: fc.constant('run' as const), session: anySessionId, next: count }),
  fc.record({ kind: fc.constant('final' as const), position: count }),
  fc.record({ kind: fc.constant('order' as const), lane, number: count }),
);
