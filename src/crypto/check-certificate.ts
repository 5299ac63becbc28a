import {
  type CommitCertificate,
  compareBallots,
  type DecisionProof,
  type PhaseCertificate,
  type PhaseStatement,
  type PreparedCertificate,
  type SlotResult,
  slotKey,
} from '../vocabulary/agreement.js';
import { primaryOf, quorum } from '../vocabulary/quorum.js';
import type { Signed } from '../vocabulary/statements.js';
import { checkSignature, replicaSigner } from './check-signature.js';
import { checkValue } from './check-value.js';
import type { Keyring } from './keyring.js';
import {
  atLeast,
  type Finding,
  firstFinding,
  kindUnless,
  mismatchUnless,
  rising,
} from './verification-error.js';

/** A pre-prepare signed by the primary of its view. Who passed it on does not matter. */
export function checkPrePrepare(keyring: Keyring, signed: Signed<PhaseStatement>): Finding {
  const { phase, ballot } = signed.statement;
  const primary = primaryOf(keyring.resilience, ballot.view);
  return (
    kindUnless('pre-prepare', phase) ?? checkSignature(keyring, replicaSigner(primary), signed)
  );
}

/** A quorum of commits of different replicas, and no signature in it that is not good. */
export function checkCommits(keyring: Keyring, certificate: CommitCertificate): Finding {
  return (
    kindUnless('commit', certificate.statement.phase) ??
    atLeast(quorum(keyring.resilience), certificate.signatures, 'commits') ??
    checkPhaseSignatures(keyring, certificate)
  );
}

/**
 * The primary's pre-prepare and the prepares of `quorum - 1` backups for the same slot, ballot, digest
 * and result, and the value. The primary's pre-prepare counts as its prepare, so it has no other.
 */
export function checkPrepared(keyring: Keyring, certificate: PreparedCertificate): Finding {
  const { prePrepare, prepares, value } = certificate;
  const primary = primaryOf(keyring.resilience, prePrepare.statement.ballot.view);
  return (
    kindUnless('prepare', prepares.statement.phase) ??
    mismatchUnless(
      sameProposal(prePrepare.statement, prepares.statement),
      'pre-prepare and prepares',
    ) ??
    atLeast(quorum(keyring.resilience) - 1, prepares.signatures, 'prepares') ??
    firstFinding(prepares.signatures, ({ replica }) =>
      replica === primary
        ? { code: 'wrong-signer', signer: replicaSigner(replica), rule: 'a backup prepares' }
        : undefined,
    ) ??
    checkPrePrepare(keyring, prePrepare) ??
    checkPhaseSignatures(keyring, prepares) ??
    checkValue(keyring, prePrepare.statement, value)
  );
}

export function checkDecision(keyring: Keyring, { commits, value }: DecisionProof): Finding {
  return checkCommits(keyring, commits) ?? checkValue(keyring, commits.statement, value);
}

function checkPhaseSignatures(keyring: Keyring, certificate: PhaseCertificate): Finding {
  const { bytes, signatures } = certificate;
  return (
    rising(
      signatures.map(({ replica }) => replica),
      'signatures',
    ) ??
    firstFinding(signatures, ({ replica, signature }) =>
      checkSignature(keyring, replicaSigner(replica), { bytes, signature }),
    )
  );
}

function sameProposal(a: PhaseStatement, b: PhaseStatement): boolean {
  return (
    slotKey(a.slot) === slotKey(b.slot) &&
    compareBallots(a.ballot, b.ballot) === 0 &&
    a.digest === b.digest &&
    sameResult(a.result, b.result)
  );
}

function sameResult(a: SlotResult, b: SlotResult): boolean {
  return a.kind === 'activation'
    ? b.kind === 'activation' && a.tid === b.tid && a.content === b.content
    : b.kind === 'outcome' && a.outcome === b.outcome;
}
