import type { TwoPhaseProtocol } from '../agreement/statements.js';
import { type EnlistmentId, enlistmentId, type ParticipantId } from '../kernel/ids.js';

/** Begins the participant's own part of a volatile enlistment's id. */
const VOLATILE = 'V-';

/** The id of a new enlistment. `own`: no dots, and no other enlistment of the participant has it. */
export function newEnlistment(
  participant: ParticipantId,
  protocol: TwoPhaseProtocol,
  own: string,
): EnlistmentId {
  return enlistmentId(`${participant}.${protocol === 'volatile' ? VOLATILE : ''}${own}`);
}

/**
 * The protocol that an enlistment follows, by its id alone. A registration names it, and is to be read where there is
 * one. A vote does not: its signed bytes name the transaction, the participant and the enlistment, and the standard's
 * messages carry no more. So where no coordinator has the registration any more, the id has to say it: a participant
 * makes it by `newEnlistment`. An id that was made otherwise counts as durable.
 */
export function protocolOf(id: EnlistmentId): TwoPhaseProtocol {
  return id.startsWith(VOLATILE, id.lastIndexOf('.') + 1) ? 'volatile' : 'durable';
}
