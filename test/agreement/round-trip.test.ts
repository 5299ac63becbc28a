import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeCommitCertificate,
  decodeDecisionProof,
  decodePreparedCertificate,
  encodeCommitCertificate,
  encodeDecisionProof,
  encodePreparedCertificate,
} from '../../src/agreement/certificate.js';
import { decodePeerMessage, encodePeerMessage } from '../../src/agreement/peer-message.js';
import {
  type AnyStatement,
  decodeSigned,
  decodeSignedStatement,
  decodeStatement,
  encodeSigned,
  encodeStatement,
} from '../../src/agreement/signing.js';
import type { Statement } from '../../src/agreement/statements.js';
import { decodeValue, encodeValue } from '../../src/agreement/values.js';
import { WireError } from '../../src/kernel/codec/bytes.js';
import type { Signed } from '../../src/kernel/signed.js';
import {
  anyStatements,
  arbitraryCluster as cluster,
  decisionProofs,
  peerMessagesByKind,
  phaseCertificates,
  preparedCertificates,
  signedOf,
  slotValues,
  statements,
} from '../support/arbitraries.js';

/** Checks a codec on what `values` makes: nothing lost, one encoding only, and nothing else thrown. */
function describeCodec<T>(
  name: string,
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): void {
  /** True where the bytes are refused, or are what the decoded value encodes to. */
  const canonicalOrRefused = (bytes: Uint8Array): boolean => {
    let value: T;
    try {
      value = decode(bytes);
    } catch (error) {
      if (error instanceof WireError) return true;
      throw error;
    }
    return Buffer.compare(encode(value), bytes) === 0;
  };

  describe(name, () => {
    test('comes back as it went', () => {
      fc.assert(
        fc.property(values, (value) => {
          expect(decode(encode(value))).toEqual(value);
        }),
      );
    });

    test('is refused when cut short or followed by more', () => {
      fc.assert(
        fc.property(
          values,
          fc.nat(),
          fc.uint8Array({ minLength: 1, maxLength: 3 }),
          (value, cut, more) => {
            const bytes = encode(value);
            expect(() => decode(bytes.subarray(0, cut % bytes.length))).toThrow(WireError);
            expect(() => decode(Buffer.concat([bytes, more]))).toThrow(WireError);
          },
        ),
      );
    });

    test('has one encoding: changed bytes are refused or mean another value', () => {
      fc.assert(
        fc.property(values, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, change) => {
          const bytes = encode(value);
          const index = at % bytes.length;
          bytes[index] = (bytes[index] ?? 0) ^ change;
          return canonicalOrRefused(bytes);
        }),
        { numRuns: 500 },
      );
    });

    test('takes no random bytes for more than they are', () => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), canonicalOrRefused));
    });
  });
}

describeCodec(
  'statement',
  anyStatements,
  (statement) => encodeStatement(cluster, statement),
  (bytes) => decodeStatement(cluster, bytes),
);
describeCodec<Signed<AnyStatement>>(
  'signed statement of any kind',
  signedOf(anyStatements),
  encodeSigned,
  (bytes) => decodeSigned(cluster, bytes),
);
describeCodec<Signed<Statement>>(
  'signed statement of an initiator or participant',
  signedOf(statements),
  encodeSigned,
  (bytes) => decodeSignedStatement(cluster, bytes),
);
describeCodec('value', slotValues, encodeValue, (bytes) => decodeValue(cluster, bytes));
describeCodec('commit certificate', phaseCertificates, encodeCommitCertificate, (bytes) =>
  decodeCommitCertificate(cluster, bytes),
);
describeCodec('prepared certificate', preparedCertificates, encodePreparedCertificate, (bytes) =>
  decodePreparedCertificate(cluster, bytes),
);
describeCodec('decision proof', decisionProofs, encodeDecisionProof, (bytes) =>
  decodeDecisionProof(cluster, bytes),
);
for (const [kind, messages] of Object.entries(peerMessagesByKind)) {
  describeCodec(`peer message ${kind}`, messages, encodePeerMessage, (bytes) =>
    decodePeerMessage(cluster, bytes),
  );
}

test('what is decoded shares no memory with the input', () => {
  fc.assert(
    fc.property(signedOf(statements), (signed) => {
      const received = Buffer.from(encodeSigned(signed));
      const decoded = decodeSigned(cluster, received);
      received.fill(0xff);
      expect(decoded).toEqual(signed);
    }),
  );
});
