import type {
  CommitCertificate,
  DecisionProof,
  PeerMessage,
  PreparedCertificate,
  VerifiedDecisionProof,
  VerifiedPeerMessage,
} from '../vocabulary/agreement.js';
import type { Brand } from '../vocabulary/brand.js';
import type { ReplicaId } from '../vocabulary/ids.js';
import { failed, ok, type Result } from '../vocabulary/result.js';
import type { CompletionStatement, Signed, Verified } from '../vocabulary/statements.js';
import { checkCommits, checkDecision, checkPrepared } from './check-certificate.js';
import { checkCompletion } from './check-completion.js';
import { checkPeerMessage } from './check-peer-message.js';
import { checkStatement, type SelfNamed } from './check-signature.js';
import type { Keyring } from './keyring.js';
import type { Finding, VerificationError } from './verification-error.js';

export type { VerificationError } from './verification-error.js';

export type VerifiedCommitCertificate = Brand<CommitCertificate, 'VerifiedCommitCertificate'>;
/** What `f + 1` initiators asked for. */
export type VerifiedCompletion = Brand<
  Pick<CompletionStatement, 'tid' | 'decision'>,
  'VerifiedCompletion'
>;
export type VerifiedPreparedCertificate = Brand<PreparedCertificate, 'VerifiedPreparedCertificate'>;

// What comes in here was decoded by `wire`, which binds it to the cluster and makes each `statement`
// of its `bytes`. The brands below are made nowhere else.

/** Checks that the party named in the statement signed it; of a registration, that it was invited. */
export function verifyStatement<S extends SelfNamed>(
  keyring: Keyring,
  signed: Signed<S>,
): Result<Verified<S>, VerificationError> {
  return unlessFound(checkStatement(keyring, signed), signed as Verified<S>);
}

/**
 * Checks everything in a message that the link says came from `from`: each signature, nested ones too,
 * and that the parts fit together. Whether it fits the receiver's state is the core's to judge.
 */
export function verifyPeerMessage(
  keyring: Keyring,
  from: ReplicaId,
  message: PeerMessage,
): Result<VerifiedPeerMessage, VerificationError> {
  const finding = checkPeerMessage(keyring, from, message);
  return unlessFound(finding, { from, message } as VerifiedPeerMessage);
}

/** Checks a quorum of commits. Its result may be believed without the value. */
export function verifyCommitCertificate(
  keyring: Keyring,
  certificate: CommitCertificate,
): Result<VerifiedCommitCertificate, VerificationError> {
  const finding = checkCommits(keyring, certificate);
  return unlessFound(finding, certificate as VerifiedCommitCertificate);
}

/** Checks that `f + 1` initiators asked for one and the same end of one transaction (Zhao §4.3). */
export function verifyCompletion(
  keyring: Keyring,
  statements: readonly Signed<CompletionStatement>[],
): Result<VerifiedCompletion, VerificationError> {
  const [first] = statements;
  const finding = checkCompletion(keyring, statements);
  if (finding !== undefined || first === undefined) {
    return failed(finding ?? { code: 'wrong-count', what: 'completions', count: 0, needed: 1 });
  }
  const { tid, decision } = first.statement;
  return ok({ tid, decision } as VerifiedCompletion);
}

/** Checks that a quorum was ready to decide the value. */
export function verifyPreparedCertificate(
  keyring: Keyring,
  certificate: PreparedCertificate,
): Result<VerifiedPreparedCertificate, VerificationError> {
  const finding = checkPrepared(keyring, certificate);
  return unlessFound(finding, certificate as VerifiedPreparedCertificate);
}

/** Checks a decided slot with nothing but the cluster's public keys: the commits and all behind them. */
export function verifyDecisionProof(
  keyring: Keyring,
  proof: DecisionProof,
): Result<VerifiedDecisionProof, VerificationError> {
  return unlessFound(checkDecision(keyring, proof), proof as VerifiedDecisionProof);
}

function unlessFound<Value>(finding: Finding, value: Value): Result<Value, VerificationError> {
  return finding === undefined ? ok(value) : failed(finding);
}
