import type { InitiatorId, ParticipantId, ReplicaId } from '../../vocabulary/ids.js';

/** Who signed a message. `name` is the common name of the certificate. */
export type Principal =
  | { readonly role: 'coordinator'; readonly id: ReplicaId; readonly name: string }
  | { readonly role: 'initiator'; readonly id: InitiatorId; readonly name: string }
  | { readonly role: 'participant'; readonly id: ParticipantId; readonly name: string }
  | { readonly role: 'client'; readonly name: string };
