import type { AgreementName } from './cluster.js';
import type { InitiatorId, ParticipantId, ReplicaId, Resilience } from './ids.js';

/** A party that signs statements. */
export type Signer =
  | { readonly role: 'replica'; readonly id: ReplicaId }
  | { readonly role: 'initiator'; readonly id: InitiatorId }
  | { readonly role: 'participant'; readonly id: ParticipantId };

/** What checks of signed statements need to know of a cluster. */
export interface Verifier {
  readonly resilience: Resilience;
  /** How its coordinators agree, so what proves a decision. */
  readonly agreement: AgreementName;
  /** Whether the party is a member of the cluster. */
  knows(signer: Signer): boolean;
  /** Whether the party is a member, and the signature is its own. */
  verifies(signer: Signer, bytes: Uint8Array, signature: Uint8Array): boolean;
}
