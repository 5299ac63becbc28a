import type { ParticipantId, TransactionId } from '../../vocabulary/ids.js';
import { placesOf } from '../../vocabulary/invitation.js';
import type { InvitationStatement, Signed } from '../../vocabulary/statements.js';
import type { InitiatorOptions, Leg } from './initiator-messages.js';

/** The invitations of one transaction: one for each participant, however often it is called. */
export class InvitationsOfLegs {
  readonly #options: Pick<InitiatorOptions, 'id' | 'sign'>;
  readonly #called: readonly ParticipantId[];
  readonly #invitations = new Map<ParticipantId, Signed<InvitationStatement>>();

  constructor(options: Pick<InitiatorOptions, 'id' | 'sign'>, legs: readonly Leg[]) {
    this.#options = options;
    this.#called = legs.map(({ participant }) => participant);
  }

  of(tid: TransactionId, participant: ParticipantId): Signed<InvitationStatement> {
    const { id, sign } = this.#options;
    const invitation =
      this.#invitations.get(participant) ??
      sign<InvitationStatement>({
        kind: 'invitation',
        tid,
        participant,
        places: placesOf(participant, this.#called),
        inviter: { role: 'initiator', id },
        invitations: [],
      });
    this.#invitations.set(participant, invitation);
    return invitation;
  }
}
