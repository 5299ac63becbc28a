import type { Keyring } from '../../crypto/keyring.js';
import { findInvitation } from '../../edge/soap/extension.js';
import { coordinationFaults } from '../../edge/soap/faults.js';
import type { CoordinationContext } from '../../edge/soap/wscoor.js';
import type { InitiatorId, ParticipantId, TransactionId } from '../../vocabulary/ids.js';
import type { InvitationStatement, Verified } from '../../vocabulary/statements.js';
import { readInvitation } from '../soap-evidence.js';

export interface Calling {
  readonly initiator: InitiatorId;
  readonly tid: TransactionId;
  /** This bank. */
  readonly participant: ParticipantId;
}

/** Throws a `SoapFault` unless the calling initiator itself invites this bank to this transaction. */
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
