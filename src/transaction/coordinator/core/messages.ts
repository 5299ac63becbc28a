import type { AgreementOutput } from '../../../agreement/core/state.js';
import type {
  CommitCertificate,
  DecisionProof,
  Slot,
  VerifiedPeerMessage,
} from '../../../agreement/messages.js';
import type {
  AcknowledgementStatement,
  ActivationStatement,
  CompletionStatement,
  Outcome,
  RegistrationStatement,
  VoteStatement,
} from '../../../agreement/statements.js';
import type { InitiatorId, ReplicaId, TransactionId } from '../../../kernel/ids.js';
import type { Signed, Verified } from '../../../kernel/signed.js';

/** Names a request that waits for its answer at the edge. */
export type ReplyId = string;

/** What happens to a coordinator replica. */
export type CoordinatorInput =
  | {
      readonly kind: 'activate';
      readonly statement: Verified<ActivationStatement>;
      readonly replyId: ReplyId;
    }
  | {
      readonly kind: 'register';
      readonly statement: Verified<RegistrationStatement>;
      readonly replyId: ReplyId;
    }
  | { readonly kind: 'complete'; readonly statement: Verified<CompletionStatement> }
  | {
      readonly kind: 'vote';
      readonly statement: Verified<VoteStatement>;
      /** Where to answer if the transaction is unknown here. */
      readonly source?: string | undefined;
    }
  /** The participant has applied the outcome. */
  | { readonly kind: 'ended'; readonly statement: Verified<AcknowledgementStatement> }
  | { readonly kind: 'peer'; readonly message: VerifiedPeerMessage }
  | { readonly kind: 'peer-up'; readonly replica: ReplicaId };

export type ParticipantNotice = 'Prepare' | 'Commit' | 'Rollback';

/**
 * `TooOld`: an activation whose transaction, or a later one of the client, was forgotten. `TimestampTaken`:
 * one whose client has a transaction for another request with the same timestamp.
 */
export type RefusalFault =
  | 'CannotCreateContext'
  | 'CannotRegisterParticipant'
  | 'TooOld'
  | 'TimestampTaken';

/** What a coordinator replica does. */
export type CoordinatorOutput =
  | AgreementOutput
  /** The slot has a decision, which is on disk. It comes once for each, when the core learns of it. */
  | { readonly kind: 'decided'; readonly proof: DecisionProof }
  /** Answers CreateCoordinationContext. Without `proof`, the stored decision of the slot is meant. */
  | {
      readonly kind: 'activated';
      readonly replyId: ReplyId;
      readonly slot: Slot;
      readonly tid: TransactionId;
      readonly expiresMs: number;
      readonly proof?: DecisionProof;
    }
  | {
      readonly kind: 'registered';
      readonly replyId: ReplyId;
      readonly registration: RegistrationStatement;
    }
  | {
      readonly kind: 'refused';
      readonly replyId: ReplyId;
      readonly fault: RefusalFault;
      readonly reason: string;
    }
  | {
      readonly kind: 'notify-participant';
      readonly notice: ParticipantNotice;
      readonly registration: RegistrationStatement;
      /**
       * Goes with Commit and Rollback: one such message is enough for the participant. Absent from a
       * Rollback for an enlistment that a committed transaction's certificate does not hold.
       */
      readonly certificate?: CommitCertificate;
      /** Goes with Prepare, and makes one such message enough: `f + 1` initiators asked to commit. */
      readonly completion?: readonly Signed<CompletionStatement>[];
      /** Goes with Commit: the participant's own consent, by which one that has forgotten it acknowledges. */
      readonly vote?: Signed<VoteStatement>;
    }
  | {
      readonly kind: 'fault-participant';
      readonly fault: 'InvalidState';
      readonly registration: RegistrationStatement;
    }
  /** A vote in a transaction that a quorum has no record of: presumed abort, or UnknownTransaction. */
  | {
      readonly kind: 'answer-unknown';
      readonly vote: VoteStatement;
      readonly answer: 'Rollback' | 'UnknownTransaction';
      readonly source: string;
    }
  | {
      readonly kind: 'notify-initiator';
      readonly initiator: InitiatorId;
      readonly tid: TransactionId;
      readonly outcome: Outcome;
      readonly certificate: CommitCertificate;
    }
  | {
      readonly kind: 'fault-initiator';
      readonly initiator: InitiatorId;
      readonly tid: TransactionId;
      /** `UnknownTransaction`: a quorum has no record of it; it may have committed long ago. */
      readonly fault: 'InvalidState' | 'UnknownTransaction';
    };
