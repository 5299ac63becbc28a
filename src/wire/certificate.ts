import type {
  CommitCertificate,
  DecisionProof,
  PhaseCertificate,
  PreparedCertificate,
} from '../vocabulary/agreement.js';
import type { ClusterId } from '../vocabulary/ids.js';
import { checkRising, readReplica, writeReplica } from './fields.js';
import { limits } from './limits.js';
import { type Reader, readAll } from './reader.js';
import { readSignature, writeSignature, writeSigned } from './signature.js';
import { decodeLeafOf, readSigned } from './signed.js';
import { readValue, writeValue } from './value.js';
import { Writer } from './writer.js';

/** Starts a decision proof, so that a file of one can be told from anything else. */
const proofMagic = new TextEncoder().encode('CCPROOF1');

export function encodePreparedCertificate(certificate: PreparedCertificate): Uint8Array {
  const writer = new Writer();
  writePreparedCertificate(writer, certificate);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are a certificate of this cluster; checks no signature. */
export function decodePreparedCertificate(
  cluster: ClusterId,
  bytes: Uint8Array,
): PreparedCertificate {
  return readAll(bytes, (reader) => readPreparedCertificate(reader, cluster));
}

export function encodeCommitCertificate(certificate: CommitCertificate): Uint8Array {
  const writer = new Writer();
  writePhaseCertificate(writer, certificate);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are a certificate of this cluster; checks no signature. */
export function decodeCommitCertificate(cluster: ClusterId, bytes: Uint8Array): CommitCertificate {
  return readAll(bytes, (reader) => readPhaseCertificate(reader, cluster));
}

/** A decision proof in its file form. */
export function encodeDecisionProof(proof: DecisionProof): Uint8Array {
  const writer = new Writer();
  writeDecisionProof(writer, proof);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are a proof of this cluster; checks no signature. */
export function decodeDecisionProof(cluster: ClusterId, bytes: Uint8Array): DecisionProof {
  return readAll(bytes, (reader) => readDecisionProof(reader, cluster));
}

export function writePreparedCertificate(writer: Writer, certificate: PreparedCertificate): void {
  writeSigned(writer, certificate.prePrepare);
  writePhaseCertificate(writer, certificate.prepares);
  writeValue(writer, certificate.value);
}

export function readPreparedCertificate(reader: Reader, cluster: ClusterId): PreparedCertificate {
  return {
    prePrepare: readSigned(reader, cluster, 'phase'),
    prepares: readPhaseCertificate(reader, cluster),
    value: readValue(reader, cluster),
  };
}

export function writeDecisionProof(writer: Writer, proof: DecisionProof): void {
  writer.raw(proofMagic);
  writePhaseCertificate(writer, proof.commits);
  writeValue(writer, proof.value);
}

export function readDecisionProof(reader: Reader, cluster: ClusterId): DecisionProof {
  reader.literal(proofMagic, 'a decision proof');
  return { commits: readPhaseCertificate(reader, cluster), value: readValue(reader, cluster) };
}

/** The bytes that all signed once, then who signed and how. */
function writePhaseCertificate(writer: Writer, certificate: PhaseCertificate): void {
  checkRising(certificate.signatures, ({ replica }) => replica);
  writer.bytes(certificate.bytes);
  writer.list(certificate.signatures, limits.replicas, ({ replica, signature }) => {
    writeReplica(writer, replica);
    writeSignature(writer, signature);
  });
}

function readPhaseCertificate(reader: Reader, cluster: ClusterId): PhaseCertificate {
  const bytes = reader.bytes();
  const statement = decodeLeafOf(cluster, bytes, ['phase']);
  const signatures = reader.list(limits.replicas, () => ({
    replica: readReplica(reader),
    signature: readSignature(reader),
  }));
  checkRising(signatures, ({ replica }) => replica);
  return { statement, bytes, signatures };
}
