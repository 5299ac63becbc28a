import type { InvitationStatement } from '../../agreement/statements.js';
import type { InitiatorId, ParticipantId, TransactionId } from '../../kernel/ids.js';
import type { Keyring } from '../../kernel/keys.js';
import type { Verified } from '../../kernel/signed.js';
import { coordinationFaults } from '../../soap/faults.js';
import type { CoordinationContext } from '../../transaction/soap/coordination.js';
import { findInvitation, readInvitation } from '../../transaction/soap/extension.js';

export interface Calling {
  readonly initiator: InitiatorId;
  readonly tid: TransactionId;
  /** This participant. */
  readonly participant: ParticipantId;
}

/** Throws a `SoapFault` unless the calling initiator itself invites this participant to this transaction. */
export function requireInvitation(
  keyring: Keyring,
  { extensions }: CoordinationContext,
  { initiator, tid, participant }: Calling,
): Verified<InvitationStatement> {
  const bytes = findInvitation(extensions);
  if (bytes === undefined) throw invalid('cc:Invitation is missing in the CoordinationContext');
  const invitation = readInvitation(keyring, bytes);
  const { statement } = invitation;
  const { inviter } = statement;
  const isOwn = inviter.role === 'initiator' && inviter.id === initiator;
  if (isOwn && statement.tid === tid && statement.participant === participant) return invitation;
  throw invalid('cc:Invitation is not the caller’s, of this bank to this transaction');
}

function invalid(reason: string): Error {
  return coordinationFaults.invalidParameters(reason);
}
