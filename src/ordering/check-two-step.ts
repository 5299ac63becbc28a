import {
  atLeast,
  checkSignature,
  type Finding,
  firstFinding,
  mismatchUnless,
  replicaSigner,
  rising,
} from '../agreement/check-signature.js';
import { fastQuorum } from '../agreement/two-step.js';
import { oneCorrect, primaryOf } from '../kernel/ids.js';
import type { Keyring } from '../kernel/keys.js';
import type { Signed } from '../kernel/signed.js';
import {
  checkCheckpoint,
  checkSequenceCommits,
  checkSequencePrepared,
  checkSequenceProposal,
  checkShared,
} from './check-certificates.js';
import { orderingLimits } from './fields.js';
import { digestOfTable } from './two-step-codec.js';
import { allows, startOfView } from './two-step-table.js';
import type {
  SequencePhase,
  SequencePrepared,
  SharedCertificate,
  TwoStepNewView,
  TwoStepViewChange,
  ViewConfirmation,
  ViewStart,
} from './types.js';

/** As many acknowledgements as decide without a further phase. */
export function checkFastCommitted(keyring: Keyring, acks: SequencePrepared): Finding {
  return checkSequencePrepared(keyring, acks, fastQuorum(keyring.resilience));
}

/** One replica's, or those of several. */
export function checkConfirmations(
  keyring: Keyring,
  confirmations: SharedCertificate<ViewConfirmation>,
  least = 1,
): Finding {
  return (
    atLeast(least, confirmations.signatures, 'confirmations') ?? checkShared(keyring, confirmations)
  );
}

/** Signed by the replica that it names; what it calls acknowledged, prepared and committed is proved. */
export function checkTwoStepViewChange(
  keyring: Keyring,
  signed: Signed<TwoStepViewChange>,
): Finding {
  const { replica, stable, prepared, committed, starts, acked } = signed.statement;
  return (
    checkPlaces(signed.statement) ??
    checkStarts(signed.statement) ??
    firstFinding(acked, ({ statement }) => checkJustified(starts, statement)) ??
    checkSignature(keyring, replicaSigner(replica), signed) ??
    (stable ? checkCheckpoint(keyring, stable) : undefined) ??
    firstFinding(starts, ({ confirmations }) =>
      checkConfirmations(keyring, confirmations, oneCorrect(keyring.resilience)),
    ) ??
    firstFinding(acked, (one) => checkSequenceProposal(keyring, one)) ??
    firstFinding(prepared, (one) => checkSequencePrepared(keyring, one)) ??
    firstFinding(committed, (one) => checkSequenceCommits(keyring, one))
  );
}

/** Signed by the primary of the view that it opens, with view changes to that view from which its start follows. */
export function checkTwoStepNewView(keyring: Keyring, signed: Signed<TwoStepNewView>): Finding {
  const { scope, view, viewChanges } = signed.statement;
  const { n, f } = keyring.resilience;
  const statements = viewChanges.map(({ statement }) => statement);
  return (
    atLeast(n - f, viewChanges, 'view changes') ??
    rising(
      statements.map(({ replica }) => replica),
      'view changes',
    ) ??
    firstFinding(statements, (one) =>
      mismatchUnless(one.view === view && one.scope === scope, 'view of a view change'),
    ) ??
    checkSignature(keyring, replicaSigner(primaryOf(keyring.resilience, view)), signed) ??
    firstFinding(viewChanges, (one) => checkTwoStepViewChange(keyring, one)) ??
    mismatchUnless(startOfView(statements, keyring.resilience) !== undefined, 'start of a view')
  );
}

function checkPlaces(statement: TwoStepViewChange): Finding {
  const { scope, view, stable, acked, prepared, committed } = statement;
  const low = stable?.statement.position ?? 0;
  const certified = prepared.map(({ prePrepare }) => prePrepare);
  return (
    mismatchUnless(!stable || stable.statement.scope === scope, 'scope of a checkpoint') ??
    rising(placesOf(acked), 'acknowledgements') ??
    rising(placesOf(certified), 'prepared certificates') ??
    rising(placesOf(committed), 'commits') ??
    firstFinding([...acked, ...certified, ...committed], ({ statement: one }) =>
      mismatchUnless(
        one.scope === scope &&
          one.view < view &&
          one.sequence > low &&
          one.sequence <= low + orderingLimits.window,
        'scope, view and place of a certificate',
      ),
    )
  );
}

function placesOf(signed: readonly { readonly statement: SequencePhase }[]): readonly number[] {
  return signed.map(({ statement }) => statement.sequence);
}

function checkStarts({ scope, view, starts, acked }: TwoStepViewChange): Finding {
  const shown = new Set(acked.map(({ statement }) => statement.view));
  return (
    rising(
      starts.map(({ confirmations }) => confirmations.statement.view),
      'starts of views',
    ) ??
    firstFinding(starts, ({ table, confirmations: { statement } }) =>
      mismatchUnless(
        statement.scope === scope &&
          statement.view < view &&
          shown.has(statement.view) &&
          statement.digest === digestOfTable(table),
        'scope, view and table of a start',
      ),
    )
  );
}

/**
 * A primary that lies can sign any value in its view and acknowledge it alone. So an acknowledgement counts only where
 * the start of its view, which a correct replica has recomputed, allows it.
 */
function checkJustified(starts: readonly ViewStart[], phase: SequencePhase): Finding {
  if (phase.view === 0) return undefined;
  const start = starts.find(({ confirmations }) => confirmations.statement.view === phase.view);
  return mismatchUnless(
    start !== undefined && allows(start.table, phase),
    'acknowledgement and start of its view',
  );
}
