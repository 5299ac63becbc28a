import type { Keyring } from '../crypto/keyring.js';
import { verifyCertifiedOrder } from '../crypto/session/verify-proof.js';
import {
  type VerifiedCommitCertificate,
  type VerifiedCompletion,
  verifyCommitCertificate,
  verifyCompletion,
  verifyStatement,
} from '../crypto/verify.js';
import { coordinationFaults } from '../edge/soap/faults.js';
import type { ParticipantId } from '../vocabulary/ids.js';
import type { CertifiedOrder } from '../vocabulary/session.js';
import type {
  CompletionStatement,
  InvitationStatement,
  Signed,
  Verified,
  VoteStatement,
} from '../vocabulary/statements.js';
import {
  decodeCommitCertificate,
  decodeSignedInvitation,
  decodeSignedStatement,
  WireError,
} from '../wire/index.js';
import { decodeCertifiedOrder } from '../wire/session/index.js';

/** What others show with what they say. All throw `wscoor:InvalidParameters` where it is no good. */

export function readCertificate(keyring: Keyring, bytes: Uint8Array): VerifiedCommitCertificate {
  const certificate = decoded('Proof', () => decodeCommitCertificate(keyring.cluster.id, bytes));
  const verified = verifyCommitCertificate(keyring, certificate);
  if (verified.ok) return verified.value;
  throw coordinationFaults.invalidParameters(`cc:Proof: ${verified.error.code}`);
}

export function readCompletion(keyring: Keyring, asked: readonly Uint8Array[]): VerifiedCompletion {
  const statements = asked.map((bytes) => readCompletionStatement(keyring, bytes));
  const verified = verifyCompletion(keyring, statements);
  if (verified.ok) return verified.value;
  throw coordinationFaults.invalidParameters(`cc:Statement: ${verified.error.code}`);
}

/** An order of sessions that `f + 1` coordinators have signed, and its transfers are those signed for. */
export function readCertifiedOrder(keyring: Keyring, bytes: Uint8Array): CertifiedOrder {
  const order = decoded('Order', () => decodeCertifiedOrder(keyring.cluster.id, bytes));
  const verified = verifyCertifiedOrder(keyring, order);
  if (verified.ok) return verified.value;
  throw coordinationFaults.invalidParameters(`cc:Order: ${verified.error.code}`);
}

/** An invitation by the inviter that it names, to what it says. */
export function readInvitation(keyring: Keyring, bytes: Uint8Array): Verified<InvitationStatement> {
  const signed = decoded('Invitation', () => decodeSignedInvitation(keyring.cluster.id, bytes));
  const verified = verifyStatement(keyring, signed);
  if (verified.ok) return verified.value;
  throw coordinationFaults.invalidParameters(`cc:Invitation: ${verified.error.code}`);
}

/** A vote of the participant. */
export function readVoteOf(
  keyring: Keyring,
  participant: ParticipantId,
  bytes: Uint8Array,
): Verified<VoteStatement> {
  const signed = decoded('Statement', () => decodeSignedStatement(keyring.cluster.id, bytes));
  const { statement } = signed;
  if (statement.kind !== 'vote' || statement.participant !== participant) {
    throw coordinationFaults.invalidParameters(`cc:Statement is no vote of ${participant}`);
  }
  const verified = verifyStatement(keyring, { ...signed, statement });
  if (verified.ok) return verified.value;
  throw coordinationFaults.invalidParameters(`cc:Statement: ${verified.error.code}`);
}

function readCompletionStatement(
  { cluster }: Keyring,
  bytes: Uint8Array,
): Signed<CompletionStatement> {
  const { statement, ...signed } = decoded('Statement', () =>
    decodeSignedStatement(cluster.id, bytes),
  );
  if (statement.kind === 'completion') return { ...signed, statement };
  throw coordinationFaults.invalidParameters('cc:Statement is no completion');
}

function decoded<Value>(name: string, decode: () => Value): Value {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw coordinationFaults.invalidParameters(`cc:${name}: ${error.message}`);
  }
}
