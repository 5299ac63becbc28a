import type {
  VerifiedCommitCertificate,
  VerifiedCompletion,
} from '../../agreement/check-message.js';
import type {
  AcknowledgementStatement,
  InvitationStatement,
  RegistrationStatement,
  TwoPhaseProtocol,
  VoteStatement,
} from '../../agreement/statements.js';
import type {
  Brand,
  Digest,
  EnlistmentId,
  InitiatorId,
  ParticipantId,
  ReplicaId,
  Resilience,
  TransactionId,
} from '../../kernel/ids.js';
import type { Signed, Verified } from '../../kernel/signed.js';

/** One participation of this participant in a transaction: one operation of it. */
export interface EnlistmentRef {
  readonly tid: TransactionId;
  readonly enlistment: EnlistmentId;
}

/** An enlistment as a map key, and as part of record keys. */
export function refKey({ tid, enlistment }: EnlistmentRef): string {
  return `${tid}/${enlistment}`;
}

/** The edge's handle for an application request that waits for its answer. */
export type CallId = Brand<number, 'CallId'>;

/** What the application made of an operation. */
export type OperationResult =
  /** `result`: what the application returned, where it returned anything. */
  | { readonly kind: 'done'; readonly result?: string }
  /** `reason` is a code, for example `InsufficientFunds`, or one of `RefusalCode`. */
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Why an operation was refused before the application saw it.
 *
 * - `Busy`: no room.
 * - `Unmatched`: too few initiators asked for the same.
 * - `CannotRegister`: too few coordinators took the registration.
 * - `Aborted`: the transaction ended first.
 * - `Superseded`: the same initiator has called again for the same.
 */
export type ParticipantRefusalCode =
  | 'Superseded'
  | 'Busy'
  | 'Unmatched'
  | 'CannotRegister'
  | 'Aborted';

/** A write of the application, made durable together with the participant's own record. */
export interface ApplicationWrite {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** The application's vote. `record`: what it needs after a restart to commit or to roll back. */
export type ApplicationVote =
  | { readonly vote: 'prepared'; readonly record: Uint8Array }
  | { readonly vote: 'readOnly' }
  | { readonly vote: 'aborted' };

export type Notification = 'prepare' | 'commit' | 'rollback';

/** An application request of one initiator; its sender and the context have been checked. */
export interface Invited<Operation> {
  readonly kind: 'invited';
  readonly call: CallId;
  readonly initiator: InitiatorId;
  readonly tid: TransactionId;
  readonly operation: Operation;
  /** Digest of the operation: the same from every correct initiator. */
  readonly digest: Digest;
  readonly protocol: TwoPhaseProtocol;
  /** The initiator's, of this participant to this transaction. */
  readonly invitation: Verified<InvitationStatement>;
  /** Lifetime of the transaction, from its context. */
  readonly expiresMs: number;
  /** A fresh id (`belongsTo` this participant), for when this request completes the `f + 1`. */
  readonly enlistment: EnlistmentId;
}

export interface Notified {
  readonly kind: 'notified';
  readonly replica: ReplicaId;
  readonly ref: EnlistmentRef;
  readonly message: Notification;
  /** A proof of the outcome, if the message brought one. */
  readonly certificate?: VerifiedCommitCertificate;
  /** What the initiators asked for, if the message showed it. */
  readonly completion?: VerifiedCompletion;
  /** A vote that this participant signed, if the message showed it. */
  readonly vote?: Verified<VoteStatement>;
}

export type ParticipantInput<Operation> =
  | Invited<Operation>
  | { readonly kind: 'registered'; readonly replica: ReplicaId; readonly ref: EnlistmentRef }
  /**
   * The replica answered Register with a fault. It will be asked again, for it may just not know the
   * transaction yet. Silence is not reported.
   */
  | {
      readonly kind: 'registration-refused';
      readonly replica: ReplicaId;
      readonly ref: EnlistmentRef;
    }
  /** The replica cannot be reached. */
  | {
      readonly kind: 'registration-failed';
      readonly replica: ReplicaId;
      readonly ref: EnlistmentRef;
    }
  | Notified
  /** The application's answer to `execute`. `refused` is an early vote to abort. */
  | { readonly kind: 'executed'; readonly ref: EnlistmentRef; readonly result: OperationResult }
  /** The application's answer to `prepare`; unasked, an early vote: `readOnly` or `aborted`. */
  | {
      readonly kind: 'voted';
      readonly ref: EnlistmentRef;
      readonly vote: ApplicationVote;
      /** Made durable together with the prepared record, where there is one. */
      readonly writes?: readonly ApplicationWrite[];
    }
  /** The application's answer to `commit` or `roll-back`: done, once these writes are durable. */
  | {
      readonly kind: 'settled';
      readonly ref: EnlistmentRef;
      readonly writes: readonly ApplicationWrite[];
    };

export type ParticipantOutput<Operation> =
  /** To the application: do the work, ready to be undone. */
  | { readonly kind: 'execute'; readonly ref: EnlistmentRef; readonly operation: Operation }
  /** To the application: work out the vote. After `prepared` it must be able to go either way. */
  | { readonly kind: 'prepare'; readonly ref: EnlistmentRef }
  /** To the application: may be asked again after a restart, if the writes were not durable. */
  | { readonly kind: 'commit'; readonly ref: EnlistmentRef }
  /** To the application: also where it is still executing or never executed. */
  | { readonly kind: 'roll-back'; readonly ref: EnlistmentRef }
  /** To the application, at the start: this was prepared, and its outcome is not known yet. */
  | { readonly kind: 'recover'; readonly ref: EnlistmentRef; readonly record: Uint8Array }
  | { readonly kind: 'answer'; readonly calls: readonly CallId[]; readonly result: OperationResult }
  | {
      readonly kind: 'register';
      readonly to: readonly ReplicaId[];
      readonly statement: Signed<RegistrationStatement>;
    }
  /** Prepared, ReadOnly or Aborted with the signed vote. */
  | {
      readonly kind: 'send-vote';
      readonly to: readonly ReplicaId[];
      readonly statement: Signed<VoteStatement>;
    }
  /** Committed, or Aborted as the answer to Rollback. */
  | {
      readonly kind: 'send-acknowledgement';
      readonly to: readonly ReplicaId[];
      readonly statement: Signed<AcknowledgementStatement>;
    }
  | {
      readonly kind: 'send-fault';
      readonly to: readonly ReplicaId[];
      readonly ref: EnlistmentRef;
      readonly fault: 'InvalidState' | 'InconsistentInternalState';
    };

/** How many of each thing a participant keeps before it refuses or forgets. */
export interface ParticipantLimits {
  /** Open enlistments; one more is refused as busy. */
  readonly enlistments: number;
  /** Operations of one initiator that too few others have asked for yet. */
  readonly invitationsPerInitiator: number;
  /** Ended enlistments that are remembered, so that repeated messages get the same answer. */
  readonly finished: number;
  /** Longest lifetime of a transaction that is not prepared, whatever its context says. */
  readonly expiresMs: number;
}

export interface ParticipantOptions {
  readonly id: ParticipantId;
  /** Of the coordinators; the initiators tolerate the same `f`. */
  readonly resilience: Resilience;
  readonly resendAfterMs: number;
  readonly limits: ParticipantLimits;
  /** Address of the Participant service, for registrations. */
  readonly address: string;
  /** Signs as this participant. Deterministic. */
  readonly sign: <S extends RegistrationStatement | VoteStatement | AcknowledgementStatement>(
    statement: S,
  ) => Signed<S>;
}
