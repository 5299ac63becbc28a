import type { VerifiedCommitCertificate } from '../../agreement/check-message.js';
import type {
  ActivationStatement,
  CompletionStatement,
  InvitationStatement,
  Outcome,
} from '../../agreement/statements.js';
import type { Timing } from '../../kernel/cluster.js';
import type {
  Brand,
  ClientId,
  Digest,
  InitiatorId,
  ParticipantId,
  ReplicaId,
  Resilience,
  TransactionId,
} from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';

/** One call at one participant. A transfer is one debit and one or more credits. */
export interface Leg {
  readonly participant: ParticipantId;
  readonly side: 'debit' | 'credit';
  readonly account: string;
  /** Whole minor units, 1 to 2^53 - 1. */
  readonly amountMinor: number;
}

/** What a client wants done as one transaction. No two legs are alike; without any, it is done. */
export interface TransferOperation {
  readonly currency: string;
  readonly legs: readonly Leg[];
  /**
   * Why it cannot be done, where that is known beforehand. Its transaction is begun all the same, and
   * rolled back: so the coordinators decide that it was not done.
   */
  readonly refusal?: string;
}

/** What shows a bank that the owner of an account wants its money taken. Each debit is sent with it. */
export interface Warrant {
  /** A client's signed message as it came, or a certified order of sessions as the wire has it. */
  readonly kind: 'request' | 'order';
  readonly bytes: Uint8Array;
  /** Name of the client whose will it shows. */
  readonly of: string;
}

/** The edge's handle for a request that waits for its answer. */
export type RequestId = Brand<number, 'RequestId'>;

/** A client's request, its signature checked (CREQ of Zhao §4.1). */
export interface ClientRequest {
  readonly kind: 'request';
  readonly requestId: RequestId;
  readonly client: ClientId;
  readonly timestamp: number;
  /** Digest over client, timestamp and operation: the same at every initiator. */
  readonly digest: Digest;
  readonly operation: TransferOperation;
  readonly warrant: Warrant;
}

/** What a participant's answer to a leg comes down to. */
export type LegResult =
  | { readonly kind: 'done' }
  /** The participant said no; `reason` is its fault's code, for example `InsufficientFunds`. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** No answer, or none for now; worth another attempt. */
  | { readonly kind: 'unreachable' };

/**
 * `TooOld`: the replica has forgotten the request's transaction, or a later one of the client.
 * `TimestampTaken`: the client has a transaction for another request with the same timestamp.
 */
export type ActivationFault = 'TooOld' | 'TimestampTaken';

/** What an initiator takes, checked by the node that it runs in. */
export type InitiatorInput =
  | ClientRequest
  | {
      readonly kind: 'activated';
      readonly replica: ReplicaId;
      readonly request: Digest;
      readonly evidence:
        | { readonly kind: 'proof'; readonly certificate: VerifiedCommitCertificate }
        | { readonly kind: 'plain'; readonly tid: TransactionId };
    }
  /** The activation message did not reach the replica, or it answered with a fault. */
  | { readonly kind: 'activation-failed'; readonly replica: ReplicaId; readonly request: Digest }
  /** The replica signed that it will never activate the request. */
  | {
      readonly kind: 'activation-refused';
      readonly replica: ReplicaId;
      readonly request: Digest;
      readonly fault: ActivationFault;
    }
  /** The completion message did not reach one of the replicas. */
  | { readonly kind: 'completion-failed'; readonly tid: TransactionId }
  | {
      readonly kind: 'leg-answered';
      readonly request: Digest;
      /** Index into the operation's legs. */
      readonly leg: number;
      readonly result: LegResult;
    }
  /** Committed or Aborted of the Completion protocol. */
  | {
      readonly kind: 'notified';
      readonly replica: ReplicaId;
      readonly tid: TransactionId;
      readonly evidence:
        | { readonly kind: 'proof'; readonly certificate: VerifiedCommitCertificate }
        | { readonly kind: 'plain'; readonly outcome: Outcome };
    };

/** Why a transaction was aborted, as far as an initiator knows; or the code a participant gave. */
export type AbortCause = 'ParticipantUnreachable' | 'ParticipantTimeout' | 'AbortedByCoordinator';

/** How a transaction ended. */
export interface TransferOutcome {
  readonly kind: 'outcome';
  readonly transactionId: TransactionId;
  readonly outcome: 'committed' | 'aborted';
  /** Only where aborted: an `AbortCause`, or the code that a participant gave. */
  readonly reason?: string;
}

/**
 * Why there is no outcome.
 *
 * - `stale`: a later request of this client has been accepted (Zhao §4.1).
 * - `conflict`: the timestamp belongs to a different request.
 * - `busy`: no room, or an earlier request of the client id is not over here; ask again with the same
 *   timestamp.
 * - `not-activated`: the coordinators did not answer in time; nothing has been done here. Ask again.
 * - `outcome-unknown`: the coordinators did not send the outcome in time. Ask again.
 */
export type InitiatorRefusalCode =
  | 'stale'
  | 'conflict'
  | 'busy'
  | 'not-activated'
  | 'outcome-unknown';

export interface TransferRefusal {
  readonly kind: 'refusal';
  readonly code: InitiatorRefusalCode;
}

export type TransferReply = TransferOutcome | TransferRefusal;

/** What an initiator has its node do. */
export type InitiatorOutput =
  | {
      readonly kind: 'send-activation';
      readonly request: Digest;
      readonly to: readonly ReplicaId[];
      readonly statement: Signed<ActivationStatement>;
    }
  | {
      readonly kind: 'invoke-leg';
      readonly request: Digest;
      readonly tid: TransactionId;
      readonly leg: number;
      readonly call: Leg;
      readonly currency: string;
      readonly warrant: Warrant;
      /** Goes into the context of the call. */
      readonly invitation: Signed<InvitationStatement>;
    }
  | {
      readonly kind: 'send-completion';
      readonly to: readonly ReplicaId[];
      readonly statement: Signed<CompletionStatement>;
    }
  | { readonly kind: 'answer'; readonly requestId: RequestId; readonly reply: TransferReply };

/** How many of each thing an initiator keeps before it refuses or forgets. */
export interface InitiatorLimits {
  /** Open transactions; one more is refused as busy. */
  readonly transactions: number;
  /** Open transactions of one client, all its lanes together. */
  readonly transactionsOfOneClient: number;
  /** Legs of open transactions that are shared out evenly among the clients that have any. */
  readonly sharedLegs: number;
  /** Clients whose last timestamp and reply are remembered; the longest unheard is forgotten. */
  readonly clients: number;
  /** Callers waiting for the same transaction. For one more the first of them is sent away. */
  readonly waiters: number;
}

/** What an initiator is told at the start. */
export interface InitiatorOptions {
  /** Its own id. */
  readonly id: InitiatorId;
  /** How many coordinators there are, and how many of them may be Byzantine. */
  readonly resilience: Resilience;
  /** How long it waits. */
  readonly timing: Pick<Timing, 'resendAfterMs' | 'voteTimeoutMs' | 'defaultExpiresMs'>;
  /** How much it holds. */
  readonly limits: InitiatorLimits;
  /** Names of the front doors. */
  readonly fronts: ReadonlySet<string>;
  /** Signs as this initiator. Deterministic. */
  readonly sign: <S extends ActivationStatement | CompletionStatement | InvitationStatement>(
    statement: S,
  ) => Signed<S>;
}
