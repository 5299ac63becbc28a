import {
  type Brand,
  failed,
  ok,
  oneCorrect,
  primaryOf,
  quorum,
  type ReplicaId,
  type Result,
  unreachable,
} from '../kernel/ids.js';
import type { Signed, Verified } from '../kernel/signed.js';
import type { Verifier } from '../kernel/verifier.js';
import {
  checkBond,
  checkCommits,
  checkDecision,
  checkPrePrepare,
  checkPrepared,
} from './certificate.js';
import {
  checkKnown,
  checkSignature,
  checkStatement,
  exactly,
  type Finding,
  firstFinding,
  kindUnless,
  mismatchUnless,
  replicaSigner,
  rising,
  type SelfNamed,
  type VerificationError,
} from './check-signature.js';
import { checkCompletion, checkRequests, checkValue } from './check-value.js';
import type {
  CommitCertificate,
  DecisionProof,
  FloorProof,
  PeerMessage,
  PhaseStatement,
  PreparedCertificate,
  VerifiedDecisionProof,
  VerifiedPeerMessage,
} from './messages.js';
import type { CompletionStatement } from './statements.js';
import { activationSlotRequest } from './values.js';
import { checkNewView, checkViewChange } from './view-change-message.js';

type MessageOf<Kind extends PeerMessage['kind']> = Extract<PeerMessage, { kind: Kind }>;

/** Whether all that the message holds is signed as it must be, and fits together. */
function checkPeerMessage(keyring: Verifier, from: ReplicaId, message: PeerMessage): Finding {
  return checkKnown(keyring, replicaSigner(from)) ?? checkContent(keyring, from, message);
}

function checkContent(keyring: Verifier, from: ReplicaId, message: PeerMessage): Finding {
  switch (message.kind) {
    case 'requests':
      return firstFinding(message.requests, (request) => checkStatement(keyring, request));
    case 'activation-pre-prepare':
      return checkActivationPrePrepare(keyring, from, message);
    case 'pre-prepare-reply':
      return (
        kindUnless('activation', message.proposal.statement.slot.kind) ??
        senderUnless(from, message.proposal.statement.replica) ??
        checkStatement(keyring, message.proposal)
      );
    case 'pre-prepare-update':
      return checkUpdate(keyring, message);
    case 'pre-prepare':
      return (
        checkPrePrepare(keyring, message.prePrepare) ??
        checkValue(keyring, message.prePrepare.statement, message.value)
      );
    case 'phase':
      return checkPhase(keyring, from, message.signed);
    case 'record':
      return checkStatement(keyring, message.record);
    case 'view-change':
      return (
        senderUnless(from, message.viewChange.replica) ??
        checkViewChange(keyring, message.viewChange)
      );
    case 'new-view':
      return checkNewView(keyring, message.newView);
    case 'prepared':
      return checkPrepared(keyring, message.certificate);
    case 'decided':
      return checkDecision(keyring, message.proof);
    case 'fetch':
    case 'fetch-transaction':
    case 'unknown-transaction':
    case 'recover':
      return undefined;
    case 'inventory':
      return firstFinding(message.floors, (floor) => checkFloor(keyring, floor));
    case 'closing':
      return twoStepsOnly(keyring) ?? checkSignature(keyring, replicaSigner(from), message.signed);
    case 'bonded':
      return twoStepsOnly(keyring) ?? checkBonded(keyring, message);
    default:
      return unreachable(message);
  }
}

function twoStepsOnly({ agreement }: Verifier): Finding {
  return mismatchUnless(agreement === 'two-step', 'message and agreement of the cluster');
}

function checkBonded(keyring: Verifier, { slot, view, proposal }: MessageOf<'bonded'>): Finding {
  if (!proposal) return undefined;
  return (
    mismatchUnless(proposal.prePrepare.statement.ballot.view < view, 'views of a bond') ??
    checkBond(keyring, slot, proposal)
  );
}

function checkFloor(keyring: Verifier, requests: FloorProof): Finding {
  const [first] = requests;
  if (!first) return exactly(oneCorrect(keyring.resilience), requests, 'requests');
  const slot = { kind: 'activation', request: activationSlotRequest(first.statement) } as const;
  return (
    checkRequests(keyring, slot, requests) ??
    firstFinding(requests, (request) => checkStatement(keyring, request))
  );
}

function checkActivationPrePrepare(
  keyring: Verifier,
  from: ReplicaId,
  { requests, proposal }: MessageOf<'activation-pre-prepare'>,
): Finding {
  const { slot, view, replica } = proposal.statement;
  return (
    senderUnless(from, replica) ??
    primaryUnless(primaryOf(keyring.resilience, view), from) ??
    checkRequests(keyring, slot, requests) ??
    checkStatement(keyring, proposal) ??
    firstFinding(requests, (request) => checkStatement(keyring, request))
  );
}

function checkUpdate(
  keyring: Verifier,
  { prePrepare, chosen }: MessageOf<'pre-prepare-update'>,
): Finding {
  return (
    kindUnless('activation', prePrepare.statement.slot.kind) ??
    exactly(quorum(keyring.resilience), chosen, 'chosen proposals') ??
    rising(
      chosen.map(({ replica }) => replica),
      'chosen proposals',
    ) ??
    firstFinding(chosen, ({ replica }) => checkKnown(keyring, replicaSigner(replica))) ??
    checkPrePrepare(keyring, prePrepare)
  );
}

/** A prepare or commit of the sender's own; the primary's pre-prepare stands for its prepare. */
function checkPhase(keyring: Verifier, from: ReplicaId, signed: Signed<PhaseStatement>): Finding {
  const { phase, ballot } = signed.statement;
  const signer = replicaSigner(from);
  if (phase === 'pre-prepare') {
    return { code: 'wrong-kind', expected: 'prepare or commit', found: phase };
  }
  if (phase === 'prepare' && from === primaryOf(keyring.resilience, ballot.view)) {
    return { code: 'wrong-signer', signer, rule: 'a backup prepares' };
  }
  return checkSignature(keyring, signer, signed);
}

function senderUnless(from: ReplicaId, signer: ReplicaId): Finding {
  return signer === from
    ? undefined
    : { code: 'wrong-signer', signer: replicaSigner(signer), rule: 'the sender speaks for itself' };
}

function primaryUnless(primary: ReplicaId, replica: ReplicaId): Finding {
  return replica === primary
    ? undefined
    : { code: 'wrong-signer', signer: replicaSigner(replica), rule: 'the primary proposes' };
}

export type { VerificationError } from './check-signature.js';

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
  keyring: Verifier,
  signed: Signed<S>,
): Result<Verified<S>, VerificationError> {
  return unlessFound(checkStatement(keyring, signed), signed as Verified<S>);
}

/**
 * Checks everything in a message that the link says came from `from`: each signature, nested ones too,
 * and that the parts fit together. Whether it fits the receiver's state is the core's to judge.
 */
export function verifyPeerMessage(
  keyring: Verifier,
  from: ReplicaId,
  message: PeerMessage,
): Result<VerifiedPeerMessage, VerificationError> {
  const finding = checkPeerMessage(keyring, from, message);
  return unlessFound(finding, { from, message } as VerifiedPeerMessage);
}

/** Checks a quorum of commits. Its result may be believed without the value. */
export function verifyCommitCertificate(
  keyring: Verifier,
  certificate: CommitCertificate,
): Result<VerifiedCommitCertificate, VerificationError> {
  const finding = checkCommits(keyring, certificate);
  return unlessFound(finding, certificate as VerifiedCommitCertificate);
}

/** Checks that `f + 1` initiators asked for one and the same end of one transaction (Zhao §4.3). */
export function verifyCompletion(
  keyring: Verifier,
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
  keyring: Verifier,
  certificate: PreparedCertificate,
): Result<VerifiedPreparedCertificate, VerificationError> {
  const finding = checkPrepared(keyring, certificate);
  return unlessFound(finding, certificate as VerifiedPreparedCertificate);
}

/** Checks a decided slot with nothing but the cluster's public keys: the commits and all behind them. */
export function verifyDecisionProof(
  keyring: Verifier,
  proof: DecisionProof,
): Result<VerifiedDecisionProof, VerificationError> {
  return unlessFound(checkDecision(keyring, proof), proof as VerifiedDecisionProof);
}

function unlessFound<Value>(finding: Finding, value: Value): Result<Value, VerificationError> {
  return finding === undefined ? ok(value) : failed(finding);
}
