import { type Reader, readAll, Writer } from '../kernel/codec/bytes.js';
import {
  checkRising,
  choice,
  readDigest,
  readReplica,
  readSharedAs,
  writeDigest,
  writeReplica,
  writeShared,
  writeSigned,
} from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import { sha256 } from '../kernel/digest.js';
import type { ClusterId, Digest } from '../kernel/ids.js';
import type { Sign } from '../kernel/keys.js';
import type { Signed } from '../kernel/signed.js';
import {
  encodeCallResult,
  encodeTransfers,
  readApplication,
  readCallResult,
  readCount,
  readKey,
  readLongText,
  readOperations,
  readSessionId,
  readTransfers,
  sessionWireLimits,
  writeApplication,
  writeCallResult,
  writeCount,
  writeKey,
  writeLongText,
  writeOperations,
  writeSessionId,
  writeTransfers,
} from './run.js';
import {
  decodeSessionStatementOf,
  encodeSessionStatement,
  readSessionSigned,
  type SessionStatementOf,
} from './statement.js';
import {
  type BrokenPromise,
  type CallResult,
  type CertifiedOrder,
  type HistoryStatement,
  type OperationOutcome,
  type OutcomeProof,
  type SessionCertificate,
  type SessionStanding,
  type SessionStatement,
  type SessionTransfer,
  type StateProof,
  sessionLimits,
} from './types.js';

const side = choice<'left' | 'right'>('left', 'right');

export function encodeOutcomeProof(proof: OutcomeProof): Uint8Array {
  const writer = new Writer();
  writeOutcome(writer, proof.outcome);
  writer.list(proof.path, sessionWireLimits.pathDigests, (step) => {
    side.write(writer, step.side);
    writeDigest(writer, step.digest);
  });
  writeSessionCertificate(writer, proof.certificate);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are a proof of this cluster; checks no signature. */
export function decodeOutcomeProof(cluster: ClusterId, bytes: Uint8Array): OutcomeProof {
  return readAll(bytes, (reader) => ({
    outcome: readOutcome(reader),
    path: reader.list(sessionWireLimits.pathDigests, () => ({
      side: side.read(reader),
      digest: readDigest(reader),
    })),
    certificate: readSessionCertificate(reader, cluster, 'history'),
  }));
}

export function encodeStateProof(proof: StateProof): Uint8Array {
  const writer = new Writer();
  writeApplication(writer, proof.application);
  writeKey(writer, proof.key);
  writeLongText(writer, proof.value, sessionLimits.valueBytes);
  checkRising(proof.attestations, ({ replica }) => replica);
  writer.list(proof.attestations, limits.replicas, (attestation) => {
    writeReplica(writer, attestation.replica);
    writeSigned(writer, attestation);
  });
  return writer.finish();
}

export function decodeStateProof(cluster: ClusterId, bytes: Uint8Array): StateProof {
  return readAll(bytes, (reader) => {
    const application = readApplication(reader);
    const key = readKey(reader);
    const value = readLongText(reader, sessionLimits.valueBytes);
    const attestations = reader.list(limits.replicas, () => ({
      replica: readReplica(reader),
      ...readSessionSigned(reader, cluster, 'attestation'),
    }));
    checkRising(attestations, ({ replica }) => replica);
    return { application, key, value, attestations };
  });
}

export function encodeCertifiedOrder({ transfers, certificate }: CertifiedOrder): Uint8Array {
  const writer = new Writer();
  writeTransfers(writer, transfers);
  writeSessionCertificate(writer, certificate);
  return writer.finish();
}

export function decodeCertifiedOrder(cluster: ClusterId, bytes: Uint8Array): CertifiedOrder {
  return readAll(bytes, (reader) => ({
    transfers: readTransfers(reader),
    certificate: readSessionCertificate(reader, cluster, 'order'),
  }));
}

export function encodeBrokenPromise(evidence: BrokenPromise): Uint8Array {
  const writer = new Writer();
  writeSigned(writer, evidence.receipt);
  writeOperations(writer, evidence.operations, sessionLimits.openOperations);
  checkRising(evidence.attestations, ({ replica }) => replica);
  writer.list(evidence.attestations, limits.replicas, (attestation) => {
    writeReplica(writer, attestation.replica);
    writeStanding(writer, attestation.standing);
    writeSigned(writer, attestation);
  });
  return writer.finish();
}

export function decodeBrokenPromise(cluster: ClusterId, bytes: Uint8Array): BrokenPromise {
  return readAll(bytes, (reader) => {
    const receipt = readSessionSigned(reader, cluster, 'receipt');
    const operations = readOperations(reader, sessionLimits.openOperations);
    const attestations = reader.list(limits.replicas, () => ({
      replica: readReplica(reader),
      standing: readStanding(reader),
      ...readSessionSigned(reader, cluster, 'attestation'),
    }));
    checkRising(attestations, ({ replica }) => replica);
    return { receipt, operations, attestations };
  });
}

/** The bytes that a standing's digest is of. */
function encodeStanding(standing: SessionStanding): Uint8Array {
  const writer = new Writer();
  writeStanding(writer, standing);
  return writer.finish();
}

/** What the digest of a leaf of a position's tree is over. */
export function writeOutcome(writer: Writer, outcome: OperationOutcome): void {
  writeSessionId(writer, outcome.session);
  writeCount(writer, outcome.sequence);
  writeDigest(writer, outcome.head);
  writeCallResult(writer, outcome.result);
}

export function readOutcome(reader: Reader): OperationOutcome {
  const session = readSessionId(reader);
  const sequence = readCount(reader);
  const head = readDigest(reader);
  return { session, sequence, head, result: readCallResult(reader) };
}

export function writeSessionCertificate(
  writer: Writer,
  certificate: SessionCertificate<SessionStatement>,
): void {
  writeShared(writer, certificate);
}

export function readSessionCertificate<Kind extends SessionStatement['kind']>(
  reader: Reader,
  cluster: ClusterId,
  kind: Kind,
): SessionCertificate<SessionStatementOf<Kind>> {
  return readSharedAs(reader, (bytes) => decodeSessionStatementOf(cluster, bytes, kind));
}

function writeStanding(writer: Writer, standing: SessionStanding): void {
  writeCount(writer, standing.next);
  writeDigest(writer, standing.head);
  writer.u64(standing.since);
}

function readStanding(reader: Reader): SessionStanding {
  const next = readCount(reader);
  const head = readDigest(reader);
  return { next, head, since: reader.u64() };
}

/** A statement as it travels: its bytes under this cluster, and the signature over them. */
export function signSession<S extends SessionStatement>(
  sign: Sign,
  cluster: ClusterId,
  statement: S,
): Signed<S> {
  const bytes = encodeSessionStatement(cluster, statement);
  return { statement, bytes, signature: sign(bytes) };
}

export function digestOfResult(result: CallResult): Digest {
  return sha256(encodeCallResult(result));
}

export function digestOfTransfers(transfers: readonly SessionTransfer[]): Digest {
  return sha256(encodeTransfers(transfers));
}

export function digestOfStanding(standing: SessionStanding): Digest {
  return sha256(encodeStanding(standing));
}

/** The history's digest after a position; the next one's `before`. */
export function digestOfHistory(cluster: ClusterId, statement: HistoryStatement): Digest {
  return sha256(encodeSessionStatement(cluster, statement));
}
