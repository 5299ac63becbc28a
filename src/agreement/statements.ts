import type {
  ClientId,
  Digest,
  EnlistmentId,
  InitiatorId,
  ParticipantId,
  TransactionId,
} from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';

/** The two two-phase commit protocols of WS-AtomicTransaction. */
export type TwoPhaseProtocol = 'durable' | 'volatile';
export type Vote = 'prepared' | 'readOnly' | 'aborted';
export type Decision = 'commit' | 'rollback';
export type Outcome = 'commit' | 'abort';

/** An initiator replica asks for a transaction on behalf of a client's request (Zhao §4.1). */
export interface ActivationStatement {
  readonly kind: 'activation';
  readonly client: ClientId;
  /** The client's rising timestamp. */
  readonly timestamp: number;
  /** Digest of the client's request. */
  readonly request: Digest;
  /** Lifetime of the transaction. */
  readonly expiresMs: number;
  readonly initiator: InitiatorId;
}

/** An initiator replica ends a transaction (Zhao §4.3). */
export interface CompletionStatement {
  readonly kind: 'completion';
  readonly tid: TransactionId;
  readonly decision: Decision;
  readonly initiator: InitiatorId;
}

/** The party that brings a participant into a transaction. */
export type Inviter =
  | { readonly role: 'initiator'; readonly id: InitiatorId }
  | { readonly role: 'participant'; readonly id: ParticipantId };

/** An initiator, or a participant that is invited itself, brings a participant into a transaction. */
export interface InvitationStatement {
  readonly kind: 'invitation';
  readonly tid: TransactionId;
  readonly participant: ParticipantId;
  /** How many enlistments the participant may have, together with all that it lets in; 1 to 64. */
  readonly places: number;
  readonly inviter: Inviter;
  /** The inviter's own invitations where it is a participant. */
  readonly invitations: readonly Signed<InvitationStatement>[];
}

/** `R_j` of Zhao §4.3: a participant takes part in a transaction. */
export interface RegistrationStatement {
  readonly kind: 'registration';
  readonly tid: TransactionId;
  readonly participant: ParticipantId;
  readonly enlistment: EnlistmentId;
  readonly protocol: TwoPhaseProtocol;
  /** Address of the participant's Participant service. */
  readonly address: string;
  /** `f + 1` of different initiators, sorted by initiator, or one of a participant that is invited. */
  readonly invitations: readonly Signed<InvitationStatement>[];
}

/** `V_j` of Zhao §4.3: a participant's vote in a transaction. */
export interface VoteStatement {
  readonly kind: 'vote';
  readonly tid: TransactionId;
  readonly participant: ParticipantId;
  readonly enlistment: EnlistmentId;
  readonly vote: Vote;
}

/**
 * A participant has done what the outcome asked for. From then on nobody need remember the transaction
 * for its sake, so replicas take no other statement for it.
 */
export interface AcknowledgementStatement {
  readonly kind: 'acknowledgement';
  readonly tid: TransactionId;
  readonly participant: ParticipantId;
  readonly enlistment: EnlistmentId;
  readonly outcome: Outcome;
}

/** What initiators and participants sign so that it stays verifiable on its own. */
export type Statement =
  | ActivationStatement
  | CompletionStatement
  | RegistrationStatement
  | VoteStatement
  | AcknowledgementStatement;
