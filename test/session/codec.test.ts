import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError } from '../../src/kernel/codec/bytes.js';
import { clientId, clusterId, replicaId } from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';
import {
  decodeSessionMessage,
  encodeSessionMessage,
  type SessionMessage,
  type SessionRequest,
} from '../../src/session/message.js';
import {
  decodeBrokenPromise,
  decodeCertifiedOrder,
  decodeOutcomeProof,
  decodeStateProof,
  encodeBrokenPromise,
  encodeCertifiedOrder,
  encodeOutcomeProof,
  encodeStateProof,
  signSession,
} from '../../src/session/proof.js';
import { decodeSessionRequest, encodeSessionRequest } from '../../src/session/request.js';
import { decodeRun, encodeRun } from '../../src/session/run.js';
import {
  decodeSessionSigned,
  decodeSessionStatement,
  encodeSessionSigned,
  encodeSessionStatement,
} from '../../src/session/statement.js';
import {
  type SessionCertificate,
  type SessionStatement,
  sessionLimits,
} from '../../src/session/types.js';
import { testCluster } from '../support/keys.js';
import {
  anyDigest,
  anyFetch,
  anyOperations,
  anyOutcome,
  anyRun,
  anyStanding,
  anyStatement,
  anyStatements,
  anySubject,
  anyTransfer,
} from '../support/session-arbitraries.js';

const parties = testCluster();
const cluster = parties.cluster.id;
const other = clusterId('other');

function signed<S extends SessionStatement>(statements: fc.Arbitrary<S>): fc.Arbitrary<Signed<S>> {
  return statements.map((statement) => signSession(parties.replicaSign(0), cluster, statement));
}

function certificate<S extends SessionStatement>(
  statements: fc.Arbitrary<S>,
): fc.Arbitrary<SessionCertificate<S>> {
  return signed(statements).map(({ statement, bytes, signature }) => ({
    statement,
    bytes,
    signatures: [0, 2].map((replica) => ({ replica: replica as never, signature })),
  }));
}

/** In the order of their numbers, each once. */
function rising<S extends { readonly statement: { readonly sequence: number } }>(
  items: fc.Arbitrary<S>,
): fc.Arbitrary<readonly S[]> {
  return fc
    .uniqueArray(items, { maxLength: 3, selector: ({ statement }) => statement.sequence })
    .map((list) => list.sort((a, b) => a.statement.sequence - b.statement.sequence));
}

const anyMessage: fc.Arbitrary<SessionMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('run' as const),
    run: anyRun,
    receipts: rising(signed(anyStatements.receipt)),
  }),
  fc.record({
    kind: fc.constant('witness' as const),
    witnesses: rising(signed(anyStatements.witness)),
  }),
  fc.record({ kind: fc.constant('history' as const), history: signed(anyStatements.history) }),
  fc.record({
    kind: fc.constant('final' as const),
    outcomes: fc.array(anyOutcome, { maxLength: 4 }),
    certificate: certificate(anyStatements.history),
  }),
  fc.record({
    kind: fc.constant('certificate' as const),
    certificate: certificate(anyStatements.history),
  }),
  fc.record({ kind: fc.constant('order' as const), order: signed(anyStatements.order) }),
  fc.record({ kind: fc.constant('attest' as const), subject: anySubject }),
  fc.record({
    kind: fc.constant('attestation' as const),
    attestation: signed(anyStatements.attestation),
  }),
  fc.record({ kind: fc.constant('fetch' as const), what: anyFetch }),
);

const anyRequest: fc.Arbitrary<SessionRequest> = fc.oneof(
  fc.record({
    kind: fc.constant('run' as const),
    run: anyRun,
    submitter: fc.nat({ max: 63 }).map(replicaId),
    attempt: fc.nat(),
  }),
  fc.record({
    kind: fc.constant('report' as const),
    report: signed(anyStatements['order-report']),
  }),
);

const attestations = fc.array(signed(anyStatements.attestation), { maxLength: 3 });
const path = fc.array(
  fc.record({ side: fc.constantFrom('left' as const, 'right' as const), digest: anyDigest }),
  { maxLength: 5 },
);

/** What is read back is what was written, and nothing but that is read. */
function check<T>(
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): void {
  fc.assert(
    fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, place, flip) => {
      const bytes = encode(value);
      expect(decode(bytes)).toEqual(value);
      expect(() => decode(bytes.subarray(0, place % bytes.length))).toThrow(WireError);
      expect(() => decode(Uint8Array.from([...bytes, 0]))).toThrow(WireError);
      // One value, one encoding: what another byte makes is refused, or is another value.
      const changed = Uint8Array.from(bytes);
      changed[place % bytes.length] = (changed[place % bytes.length] ?? 0) ^ flip;
      try {
        expect(encode(decode(changed))).toEqual(changed);
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
    { numRuns: 150 },
  );
}

describe('the session codec reads what it writes, and nothing else:', () => {
  it('runs', () => check(anyRun, encodeRun, decodeRun));

  it('statements', () =>
    check(
      anyStatement,
      (one) => encodeSessionStatement(cluster, one),
      (bytes) => decodeSessionStatement(cluster, bytes),
    ));

  it('messages', () =>
    check(anyMessage, encodeSessionMessage, (bytes) => decodeSessionMessage(cluster, bytes)));

  it('requests', () =>
    check(anyRequest, encodeSessionRequest, (bytes) => decodeSessionRequest(cluster, bytes)));

  it('outcome proofs', () =>
    check(
      fc.record({ outcome: anyOutcome, path, certificate: certificate(anyStatements.history) }),
      encodeOutcomeProof,
      (bytes) => decodeOutcomeProof(cluster, bytes),
    ));

  it('state proofs', () =>
    check(
      attestations.map((list) => ({
        application: 'shop',
        key: 'k',
        value: 'a long value é '.repeat(list.length),
        attestations: list.map((one, index) => ({ replica: index as never, ...one })),
      })),
      encodeStateProof,
      (bytes) => decodeStateProof(cluster, bytes),
    ));

  it('certified orders', () =>
    check(
      fc.record({
        transfers: fc.array(anyTransfer, { maxLength: 3 }),
        certificate: certificate(anyStatements.order),
      }),
      encodeCertifiedOrder,
      (bytes) => decodeCertifiedOrder(cluster, bytes),
    ));

  it('broken promises', () =>
    check(
      fc
        .tuple(signed(anyStatements.receipt), anyOperations, attestations, anyStanding)
        .map(([receipt, operations, list, standing]) => ({
          receipt,
          operations,
          attestations: list.map((one, index) => ({
            replica: index as never,
            standing,
            ...one,
          })),
        })),
      encodeBrokenPromise,
      (bytes) => decodeBrokenPromise(cluster, bytes),
    ));
});

describe('what is signed', () => {
  it('is of one cluster, and of one kind', () => {
    fc.assert(
      fc.property(signed(anyStatement), ({ statement, bytes, signature }) => {
        expect(() => decodeSessionStatement(other, bytes)).toThrow(/another cluster/);
        const kind = statement.kind === 'order' ? 'history' : 'order';
        const encoded = encodeSessionSigned({ statement, bytes, signature });
        expect(() => decodeSessionSigned(cluster, encoded, kind)).toThrow(WireError);
        expect(decodeSessionSigned(cluster, encoded, statement.kind)).toEqual({
          ...{ statement, bytes, signature },
        });
      }),
      { numRuns: 50 },
    );
  });

  it('starts with a domain of its own', () => {
    const bytes = encodeSessionStatement(cluster, {
      ...({ kind: 'order', lane: 1, number: 2, owner: clientId('alice') } as const),
      transfers: 'ab'.repeat(32) as never,
    });
    expect(Buffer.from(bytes).subarray(0, 19).toString()).toBe('concordat-session/1');
  });
});

describe('the limits', () => {
  const [run] = fc.sample(anyRun, { seed: 1, numRuns: 1 });
  if (!run) throw new Error('no run');
  const call = (payload: string) => ({ kind: 'call', payload }) as const;

  it.each([
    ['no operation', []],
    ['an operation after the end', [{ kind: 'end' }, call('x')]],
    [
      'too many operations',
      Array.from({ length: sessionLimits.runOperations + 1 }, () => call('')),
    ],
    ['a long payload', [call('é'.repeat(sessionLimits.payloadBytes / 2 + 1))]],
    [
      'too many bytes',
      Array.from({ length: 20 }, () => call('x'.repeat(sessionLimits.payloadBytes))),
    ],
    ['half a surrogate pair', [call('\ud800')]],
  ] as const)('refuse a run with %s', (_, operations) => {
    expect(() => encodeRun({ ...run, operations })).toThrow(WireError);
  });

  it('refuse long certificates, short nonces, odd signatures, and numbers below one', () => {
    const { header } = run;
    const certificate = new Uint8Array(sessionLimits.certificateBytes + 1);
    for (const changed of [
      { header: { ...header, certificate } },
      { header: { ...header, nonce: new Uint8Array(15) } },
      { header: { ...header, application: 'a b' } },
      { signature: new Uint8Array(63) },
      { first: 0 },
    ]) {
      expect(() => encodeRun({ ...run, ...changed })).toThrow(WireError);
    }
  });

  it('refuse lanes that there are not, and lists out of order', () => {
    const order = {
      ...({ kind: 'order', number: 1, owner: clientId('alice') } as const),
      transfers: 'ab'.repeat(32) as never,
    };
    expect(() => encodeSessionStatement(cluster, { ...order, lane: 32 })).toThrow(WireError);
    const [a, b] = fc.sample(signed(anyStatements.witness), { seed: 1, numRuns: 2 });
    if (!a || !b) throw new Error('no witnesses');
    const sorted = [a, b].sort((x, y) => x.statement.sequence - y.statement.sequence);
    expect(() => encodeSessionMessage({ kind: 'witness', witnesses: sorted.toReversed() })).toThrow(
      /out of order/,
    );
    expect(() => encodeSessionMessage({ kind: 'witness', witnesses: [a, a] })).toThrow(WireError);
  });
});
