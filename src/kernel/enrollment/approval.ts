import type { Cluster } from '../cluster.js';
import { readAll, Writer } from '../codec/bytes.js';
import {
  readDigest,
  readReplica,
  readSignature,
  writeDigest,
  writeReplica,
  writeSignature,
} from '../codec/fields.js';
import { sha256 } from '../digest.js';
import type { ClusterId, ReplicaId } from '../ids.js';
import type { Sign } from '../keys.js';
import type { Verifier } from '../verifier.js';
import { EnrollmentError } from './enrollment-error.js';
import {
  malformedUnless,
  readEnrollmentHeader,
  requireCluster,
  type SignedRequest,
  writeEnrollmentHeader,
} from './request.js';

/** A coordinator's signature under a request. */
export interface Approval {
  readonly replica: ReplicaId;
  readonly signature: Uint8Array;
}

export const approvalMagic = 'CCENAPP1';

/** The bytes to sign: these replicas approve just this request. */
export function encodeApproval(
  cluster: ClusterId,
  { bytes }: Pick<SignedRequest, 'bytes'>,
  replica: ReplicaId,
): Uint8Array {
  const writer = new Writer();
  writeEnrollmentHeader(writer, 'approval', cluster);
  writeDigest(writer, sha256(bytes));
  writeReplica(writer, replica);
  return writer.finish();
}

/** The file of an approval by this coordinator. */
export function signApproval(
  cluster: ClusterId,
  request: Pick<SignedRequest, 'bytes'>,
  replica: ReplicaId,
  sign: Sign,
): Uint8Array {
  const bytes = encodeApproval(cluster, request, replica);
  const writer = new Writer();
  writer.raw(Buffer.from(approvalMagic));
  writer.bytes(bytes);
  writeSignature(writer, sign(bytes));
  return writer.finish();
}

/** Reads an approval's file. Throws `EnrollmentError` where it does not approve this request, or is not signed. */
export function readApproval(
  cluster: Cluster,
  keyring: Verifier,
  request: SignedRequest,
  file: Uint8Array,
): Approval {
  const { of, digest, ...approval } = malformedUnless('approval', () =>
    readAll(file, (reader) => {
      reader.literal(Buffer.from(approvalMagic), 'an approval');
      const statement = readAll(reader.bytes(), (signed) => ({
        of: readEnrollmentHeader(signed, 'approval'),
        digest: readDigest(signed),
        replica: readReplica(signed),
      }));
      return { ...statement, signature: readSignature(reader) };
    }),
  );
  requireCluster(cluster.id, of);
  if (digest !== sha256(request.bytes)) {
    throw new EnrollmentError(
      'bad-approval',
      `coordinator ${approval.replica} approves another request`,
    );
  }
  requireApproval(cluster.id, keyring, request, approval);
  return approval;
}

/** Throws `EnrollmentError` unless the coordinator has signed that it approves the request. */
export function requireApproval(
  cluster: ClusterId,
  keyring: Verifier,
  request: SignedRequest,
  { replica, signature }: Approval,
): void {
  const bytes = encodeApproval(cluster, request, replica);
  if (keyring.verifies({ role: 'replica', id: replica }, bytes, signature)) return;
  const why = `the approval of coordinator ${replica} is not signed by it for this request`;
  throw new EnrollmentError('bad-approval', why);
}
