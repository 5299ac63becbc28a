import { X509Certificate } from 'node:crypto';
import type { Cluster, ParticipantMember } from '../cluster.js';
import { readAll, WireError, Writer } from '../codec/bytes.js';
import {
  checkRising,
  readReplica,
  readSignature,
  writeReplica,
  writeSignature,
} from '../codec/fields.js';
import { limits } from '../codec/limits.js';
import { certificateSha256 } from '../config/x509.js';
import { quorum } from '../ids.js';
import { Keyring } from '../keys.js';
import { type Approval, requireApproval } from './approval.js';
import { EnrollmentError } from './enrollment-error.js';
import {
  type EnrollmentRequest,
  malformedUnless,
  type ParticipantRequest,
  pointOf,
  readRequest,
  type SignedRequest,
} from './request.js';

/** What shows that a participant was enrolled. */
interface RecordParts {
  readonly request: SignedRequest;
  /** Sorted by replica, each once. */
  readonly approvals: readonly Approval[];
  /** PEM. */
  readonly certificate: string;
}

/** An enrollment record that was verified against a cluster's file. */
export interface EnrollmentRecord extends RecordParts {
  readonly request: SignedRequest<ParticipantRequest>;
  readonly member: ParticipantMember & { readonly validFromMs: number };
  /** The record's file. */
  readonly file: Uint8Array;
}

export const recordMagic = 'CCENREC1';
/** A request is less than 1 kB, an approval 66 bytes, a certificate some 700. */
export const recordBytesMax = 16_384;

/** Throws `WireError` where two approvals are of one coordinator, or out of order. */
export function encodeRecord({ request, approvals, certificate }: RecordParts): Uint8Array {
  checkRising(approvals, ({ replica }) => replica);
  const writer = new Writer();
  writer.raw(Buffer.from(recordMagic));
  writer.bytes(request.file);
  writer.list(approvals, limits.replicas, ({ replica, signature }) => {
    writeReplica(writer, replica);
    writeSignature(writer, signature);
  });
  writer.bytes(new X509Certificate(certificate).raw);
  return writer.finish();
}

/**
 * Reads a record and believes nothing of it but what the coordinators' keys and the authority in this cluster's file
 * show. Throws `EnrollmentError`.
 */
export function verifyRecord(cluster: Cluster, file: Uint8Array): EnrollmentRecord {
  const parts = malformedUnless('record', () => readParts(cluster, file));
  const { request, approvals } = parts;
  if (!isParticipants(request)) {
    throw new EnrollmentError('malformed', 'the record is of a client, which needs none');
  }
  const needed = quorum(cluster.resilience);
  if (approvals.length < needed) {
    const count = `${approvals.length} coordinators approve, and ${needed} must`;
    throw new EnrollmentError('too-few-approvals', count);
  }
  const keyring = Keyring.shared(cluster);
  for (const approval of approvals) requireApproval(cluster.id, keyring, request, approval);
  const certificate = requireCertificate(cluster, request.request, parts.certificate);
  const { name, url, statementKey } = request.request;
  const digest = certificateSha256(parts.certificate);
  const validFromMs = Date.parse(certificate.validFrom);
  return {
    ...parts,
    request,
    member: { id: name, name, url, certificateSha256: digest, statementKey, validFromMs },
    file,
  };
}

/**
 * Throws `EnrollmentError` where the certificate is not valid yet: it would take the place of one that is, and nodes would take
 * no message of the participant until then.
 */
export function requireBegun({ member }: EnrollmentRecord, nowMs: number): void {
  const { name, validFromMs } = member;
  if (validFromMs <= nowMs) return;
  const from = new Date(validFromMs).toISOString();
  const why = `the certificate of "${name}" is not valid before ${from}; bring its record again then`;
  throw new EnrollmentError('too-early', why);
}

function readParts(cluster: Cluster, file: Uint8Array): RecordParts {
  if (file.length > recordBytesMax) throw new WireError(`more than ${recordBytesMax} bytes`);
  return readAll(file, (reader) => {
    reader.literal(Buffer.from(recordMagic), 'a record');
    const request = readRequest(cluster.id, reader.bytes());
    const approvals = reader.list(limits.replicas, () => ({
      replica: readReplica(reader),
      signature: readSignature(reader),
    }));
    checkRising(approvals, ({ replica }) => replica);
    const der = reader.bytes();
    const certificate = readCertificate(der);
    if (!certificate.raw.equals(der)) throw new WireError('bytes after the certificate');
    return { request, approvals, certificate: certificate.toString() };
  });
}

/** In DER or PEM. Throws `WireError`. */
function readCertificate(bytes: Uint8Array | string): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (cause) {
    throw new WireError('not a certificate', { cause });
  }
}

/** Throws `EnrollmentError` unless the cluster's authority issued it, for the request's key and in its name. */
export function requireCertificate(
  { authority, id }: Pick<Cluster, 'authority' | 'id'>,
  { role, name, key }: EnrollmentRequest,
  pem: string,
): X509Certificate {
  const certificate = malformedUnless('certificate', () => readCertificate(pem));
  const issuer = new X509Certificate(authority);
  const { O, OU, CN }: Readonly<Record<string, unknown>> = certificate.toLegacyObject().subject;
  const wrong = (what: string) =>
    new EnrollmentError('wrong-certificate', `the certificate ${what}`);
  if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
    throw wrong("is not of this cluster's authority");
  }
  if (O !== id || OU !== role || CN !== name) throw wrong(`is not for the ${role} "${name}"`);
  const pemOfKey = certificate.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  if (!Buffer.from(pointOf(pemOfKey)).equals(key)) {
    throw wrong('is for another key than the request');
  }
  return certificate;
}

function isParticipants(request: SignedRequest): request is SignedRequest<ParticipantRequest> {
  return request.request.role === 'participant';
}
