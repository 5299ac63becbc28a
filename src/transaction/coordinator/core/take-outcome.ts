import { isConsent } from '../../../agreement/check-value.js';
import type { AbortReason, OutcomeValue } from '../../../agreement/messages.js';
import type { RegistrationStatement, VoteStatement } from '../../../agreement/statements.js';
import { type EnlistmentId, unreachable } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import type { CoordinatorAction, CoordinatorEvent } from '../../state-tables.js';
import { type CoordinatorTransaction, EnlistedParticipant } from './transaction.js';

/**
 * The rows of the table by which an agreed outcome comes to one participant. The row `writeFailed` is never stepped:
 * the outcome is on disk before it is taken, and a replica whose write fails stops.
 */
type OutcomeEvent = Extract<
  CoordinatorEvent,
  'commitDecision' | 'rollbackDecision' | 'userRollback' | 'expires'
>;

/**
 * Takes over what the agreed certificate holds. An enlistment outside it was never acknowledged by a
 * quorum, so its participant has done nothing: it is rolled back, whatever the outcome. Returns what the table says
 * to do for each.
 */
export function takeOutcome(
  transaction: CoordinatorTransaction,
  { outcome, reason, records }: OutcomeValue,
): readonly (readonly [EnlistedParticipant, readonly CoordinatorAction[]])[] {
  const certified = new Set<EnlistmentId>();
  for (const { registration, vote } of records) {
    const { enlistment: id } = registration.statement;
    const known = transaction.enlistments.get(id);
    const enlistment =
      known && agrees(known, registration, vote) ? known : renewed(registration, known);
    enlistment.vote = vote ?? enlistment.vote;
    transaction.enlistments.set(id, enlistment);
    certified.add(id);
  }
  return [...transaction.enlistments].map(([id, enlistment]) => {
    enlistment.resends = 0;
    const isCommit = outcome === 'commit' && certified.has(id);
    return [enlistment, takeOne(enlistment, isCommit ? 'commitDecision' : abortOf(reason))];
  });
}

function takeOne(
  enlistment: EnlistedParticipant,
  event: OutcomeEvent,
): readonly CoordinatorAction[] {
  const vote = enlistment.vote?.statement.vote;
  if (enlistment.is('Active') && vote === 'prepared') enlistment.apply('userCommit');
  if (enlistment.is('Preparing') && vote === 'prepared') enlistment.apply('prepared');
  if (vote === 'readOnly' || vote === 'aborted') {
    enlistment.forgotten = true;
    return [];
  }
  if (event !== 'commitDecision') {
    // Its participant did what the standard does not allow, and knows no outcome yet.
    return enlistment.is('Aborting') ? ['send Rollback'] : enlistment.apply(event);
  }
  enlistment.apply('commitDecision');
  const actions = enlistment.apply('writeDone');
  if (enlistment.acknowledged) enlistment.apply('committed');
  return actions;
}

/** Without a reason the transaction commits, and it is the enlistment that has no part in it. */
function abortOf(reason: AbortReason | undefined): OutcomeEvent {
  switch (reason) {
    case 'rollback':
      return 'userRollback';
    case 'timeout':
      return 'expires';
    case 'vote':
    case undefined:
      return 'rollbackDecision';
    default:
      return unreachable(reason);
  }
}

/** What this replica saw counts no more, but what is on disk for it has to go some day. */
function renewed(
  registration: Signed<RegistrationStatement>,
  known: EnlistedParticipant | undefined,
): EnlistedParticipant {
  const enlistment = new EnlistedParticipant(registration);
  enlistment.admitted = known?.admitted ?? false;
  enlistment.contradicted = known?.contradicted ?? false;
  return enlistment;
}

/** Whether what this replica saw of the participant is what the certificate says of it. */
function agrees(
  known: EnlistedParticipant,
  registration: Signed<RegistrationStatement>,
  vote: Signed<VoteStatement> | undefined,
): boolean {
  const seen = known.vote?.statement.vote;
  const sameVote = !vote || !seen || isConsent(seen) === isConsent(vote.statement.vote);
  return sameVote && known.registration.statement.address === registration.statement.address;
}
