import {
  atLeast,
  checkSignature,
  type Finding,
  firstFinding,
  kindUnless,
  mismatchUnless,
  replicaSigner,
  rising,
} from '../agreement/check-signature.js';
import { primaryOf, quorum } from '../kernel/ids.js';
import type { Keyring } from '../kernel/keys.js';
import type { Signed } from '../kernel/signed.js';
import { orderingLimits } from './fields.js';
import type {
  CheckpointCertificate,
  OrderingStatement,
  SequenceNewView,
  SequencePhase,
  SequencePrepared,
  SequenceViewChange,
  SharedCertificate,
} from './types.js';

/** A pre-prepare signed by the primary of its view. Which replica passed it on does not matter. */
export function checkSequenceProposal(keyring: Keyring, signed: Signed<SequencePhase>): Finding {
  const primary = primaryOf(keyring.resilience, signed.statement.view);
  return (
    kindUnless('pre-prepare', signed.statement.phase) ??
    checkSignature(keyring, replicaSigner(primary), signed)
  );
}

/** A quorum of commits of different replicas. */
export function checkSequenceCommits(
  keyring: Keyring,
  commits: SharedCertificate<SequencePhase>,
): Finding {
  return kindUnless('commit', commits.statement.phase) ?? checkQuorum(keyring, commits, 'commits');
}

/** A quorum of replicas had this state. */
export function checkCheckpoint(keyring: Keyring, certificate: CheckpointCertificate): Finding {
  return checkQuorum(keyring, certificate, 'checkpoints');
}

/** The primary's pre-prepare and the prepares of `least - 1` backups for the same batch. */
export function checkSequencePrepared(
  keyring: Keyring,
  prepared: SequencePrepared,
  least = quorum(keyring.resilience),
): Finding {
  const { statement } = prepared.prePrepare;
  const primary = primaryOf(keyring.resilience, statement.view);
  return (
    kindUnless('prepare', prepared.prepares.statement.phase) ??
    mismatchUnless(
      sameProposal(statement, prepared.prepares.statement),
      'pre-prepare and prepares',
    ) ??
    atLeast(least - 1, prepared.prepares.signatures, 'prepares') ??
    firstFinding(prepared.prepares.signatures, ({ replica }) =>
      replica === primary
        ? { code: 'wrong-signer', signer: replicaSigner(replica), rule: 'a backup prepares' }
        : undefined,
    ) ??
    checkSequenceProposal(keyring, prepared.prePrepare) ??
    checkShared(keyring, prepared.prepares)
  );
}

/** Signed by the replica that it names; its checkpoint and all that it calls prepared are proved. */
export function checkSequenceViewChange(
  keyring: Keyring,
  signed: Signed<SequenceViewChange>,
): Finding {
  const { scope, view, replica, stable, prepared, committed } = signed.statement;
  const low = stable?.statement.position ?? 0;
  return (
    mismatchUnless(!stable || stable.statement.scope === scope, 'scope of a checkpoint') ??
    rising(
      prepared.map(({ prePrepare }) => prePrepare.statement.sequence),
      'prepared certificates',
    ) ??
    rising(
      committed.map(({ statement }) => statement.sequence),
      'commits',
    ) ??
    firstFinding([...prepared.map(({ prePrepare }) => prePrepare), ...committed], ({ statement }) =>
      mismatchUnless(
        statement.scope === scope &&
          statement.view < view &&
          statement.sequence > low &&
          statement.sequence <= low + orderingLimits.window,
        'scope, view and place of a certificate',
      ),
    ) ??
    checkSignature(keyring, replicaSigner(replica), signed) ??
    (stable ? checkCheckpoint(keyring, stable) : undefined) ??
    firstFinding(prepared, (one) => checkSequencePrepared(keyring, one)) ??
    firstFinding(committed, (one) => checkSequenceCommits(keyring, one))
  );
}

/** Signed by the primary of the view that it opens, with a quorum of view changes to that view. */
export function checkSequenceNewView(keyring: Keyring, signed: Signed<SequenceNewView>): Finding {
  const { scope, view, viewChanges } = signed.statement;
  const primary = primaryOf(keyring.resilience, view);
  return (
    atLeast(quorum(keyring.resilience), viewChanges, 'view changes') ??
    rising(
      viewChanges.map(({ statement }) => statement.replica),
      'view changes',
    ) ??
    firstFinding(viewChanges, ({ statement }) =>
      mismatchUnless(statement.view === view && statement.scope === scope, 'view of a view change'),
    ) ??
    checkSignature(keyring, replicaSigner(primary), signed) ??
    firstFinding(viewChanges, (one) => checkSequenceViewChange(keyring, one))
  );
}

function sameProposal(a: SequencePhase, b: SequencePhase): boolean {
  return (
    a.scope === b.scope && a.view === b.view && a.sequence === b.sequence && a.digest === b.digest
  );
}

function checkQuorum(
  keyring: Keyring,
  shared: SharedCertificate<OrderingStatement>,
  what: string,
): Finding {
  return (
    atLeast(quorum(keyring.resilience), shared.signatures, what) ?? checkShared(keyring, shared)
  );
}

/** Each signature is of the replica that it names, and there is one of each. */
export function checkShared(
  keyring: Keyring,
  shared: SharedCertificate<OrderingStatement>,
): Finding {
  const { bytes, signatures } = shared;
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
