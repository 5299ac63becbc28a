import { placesMax } from '../../src/agreement/invitation.js';
import { signStatement } from '../../src/agreement/signing.js';
import type { InvitationStatement, RegistrationStatement } from '../../src/agreement/statements.js';
import { enlistmentsMax } from '../../src/kernel/codec/limits.js';
import {
  type InitiatorId,
  oneCorrect,
  type ParticipantId,
  type TransactionId,
} from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';
import type { TestCluster } from './keys.js';

export interface Invited {
  readonly tid: TransactionId;
  readonly participant: ParticipantId;
  /** An even share among all participants of the cluster unless given. */
  readonly places?: number;
}

/** Signed by one initiator. */
export function invitationBy(
  { cluster, initiatorSign }: TestCluster,
  initiator: number,
  { tid, participant, places }: Invited,
): Signed<InvitationStatement> {
  const share = Math.floor(enlistmentsMax / cluster.participants.length);
  return signStatement(initiatorSign(initiator), cluster.id, {
    kind: 'invitation',
    tid,
    participant,
    places: places ?? Math.min(placesMax, share),
    inviter: { role: 'initiator', id: initiator as InitiatorId },
    invitations: [],
  });
}

/** Of the first `f + 1` initiators: what a registration takes. */
export function invitationsOf(
  parties: TestCluster,
  invited: Invited,
): readonly Signed<InvitationStatement>[] {
  const count = oneCorrect(parties.cluster.resilience);
  return Array.from({ length: count }, (_, initiator) => invitationBy(parties, initiator, invited));
}

/** An invited participant passes its context on. */
export function passedOn(
  { cluster, participantSign }: TestCluster,
  host: Invited & { readonly invitations: readonly Signed<InvitationStatement>[] },
  participant: ParticipantId,
): Signed<InvitationStatement> {
  return signStatement(participantSign(host.participant), cluster.id, {
    kind: 'invitation',
    tid: host.tid,
    participant,
    places: host.invitations[0]?.statement.places ?? 1,
    inviter: { role: 'participant', id: host.participant },
    invitations: host.invitations,
  });
}

/** Signed by the participant that it names, and verified by nobody. */
export function signedBy(
  { cluster, participantSign }: TestCluster,
  statement: RegistrationStatement,
): Signed<RegistrationStatement> {
  return signStatement(participantSign(statement.participant), cluster.id, statement);
}
