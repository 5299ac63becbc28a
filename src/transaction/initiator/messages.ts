import type { VerifiedCommitCertificate } from '../../agreement/check-message.js';
import type {
  ActivationStatement,
  CompletionStatement,
  Decision,
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

/** Whatever a call asks for, one participant is asked. What else it says is for the edges to send. */
export interface Called {
  readonly participant: ParticipantId;
}

/** What is known to be done when a request comes: all calls at once, and a commit if all are done. */
export interface Plan<Call extends Called = Called> {
  readonly kind: 'plan';
  /** No two are alike, unless the edge says which is which. Without any, it is done. */
  readonly legs: readonly Call[];
  /**
   * Why it cannot be done, where that is known beforehand. Its transaction is begun all the same, and
   * rolled back: so the coordinators decide that it was not done.
   */
  readonly refusal?: string;
}

/** What is done step by step: what comes next depends on the answers so far. */
export interface Procedure<Call extends Called = Called> {
  readonly kind: 'procedure';
  /** The most calls that it makes; it is rolled back where it asks for more. */
  readonly callsMax: number;
  /**
   * What comes next, given the answers to all calls so far, in the order of the calls. The same answers lead to the
   * same step at every initiator. Where it throws, the transaction is rolled back.
   */
  next(answers: readonly CallAnswer[]): Step<Call>;
}

/** What is done as the client says: one call after the other, until it says commit or rollback. */
export interface Dialogue {
  readonly kind: 'dialogue';
  /** The most calls that it may make. */
  readonly callsMax: number;
}

/** What one request is run as: a transaction at each of `2f + 1` initiators (Zhao §4). */
export type Operation<Call extends Called = Called> = Plan<Call> | Procedure<Call> | Dialogue;

/** What a procedure does next. */
export type Step<Call extends Called = Called> =
  /** Calls these, all at once, and goes on when all are answered. At least one. */
  | { readonly kind: 'call'; readonly legs: readonly Call[] }
  /** `result` is what the client receives with the commit. */
  | { readonly kind: 'commit'; readonly result?: string }
  /** `reason` is what the client receives with the abort. */
  | { readonly kind: 'rollback'; readonly reason: string };

/** What a call came to. */
export type CallAnswer =
  /** `result`: what the participant returned, where it returned anything. */
  | { readonly kind: 'done'; readonly result?: string }
  /** The participant said no; `reason` is its fault's code, for example `InsufficientFunds`. */
  | { readonly kind: 'refused'; readonly reason: string };

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
export interface ClientRequest<Call extends Called = Called> {
  readonly kind: 'request';
  readonly requestId: RequestId;
  readonly client: ClientId;
  readonly timestamp: number;
  /** Digest over client, timestamp and operation: the same at every initiator. */
  readonly digest: Digest;
  readonly operation: Operation<Call>;
  readonly warrant: Warrant;
}

/** What a client says in a dialogue. */
export type Instruction<Call extends Called = Called> =
  /** The next call, or one that was made before once more: then it has to be the same. */
  | {
      readonly kind: 'call';
      /** Calls count from 0. */
      readonly number: number;
      readonly call: Call;
      /** Two calls with the same text are one: a digest of what is asked. */
      readonly text: string;
      /** The message in which the client says so. */
      readonly warrant: Warrant;
    }
  | { readonly kind: 'complete'; readonly decision: Decision };

/** A client goes on with a dialogue; its signature has been checked. */
export interface Instructed<Call extends Called = Called> {
  readonly kind: 'instructed';
  readonly requestId: RequestId;
  readonly client: ClientId;
  /** Digest of the request that began the dialogue. */
  readonly request: Digest;
  readonly tid: TransactionId;
  readonly instruction: Instruction<Call>;
}

/** What a participant's answer to a leg comes down to. */
export type LegResult =
  | CallAnswer
  /** No answer, or none for now; worth another attempt. */
  | { readonly kind: 'unreachable' };

/**
 * `TooOld`: the replica has forgotten the request's transaction, or a later one of the client.
 * `TimestampTaken`: the client has a transaction for another request with the same timestamp.
 */
export type ActivationFault = 'TooOld' | 'TimestampTaken';

/** What an initiator takes, checked by the node that it runs in. */
export type InitiatorInput<Call extends Called = Called> =
  | ClientRequest<Call>
  | Instructed<Call>
  | InitiatorEvent;

/** What comes back to an initiator of what it sent. */
export type InitiatorEvent =
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
      /** Its number: legs count from 0, in the order in which they were called. */
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
export type AbortCause =
  | 'ParticipantUnreachable'
  | 'ParticipantTimeout'
  | 'AbortedByCoordinator'
  /** The procedure threw, or it asked for more calls than it may make. */
  | 'ProcedureFailed'
  /** The client did not complete its dialogue in time. */
  | 'ClientTimeout'
  /** The client asked for a rollback. */
  | 'RolledBack';

/** How a transaction ended. */
export interface RequestOutcome {
  readonly kind: 'outcome';
  readonly transactionId: TransactionId;
  readonly outcome: 'committed' | 'aborted';
  /** Only where aborted: an `AbortCause`, the code that a participant gave, or what the procedure said. */
  readonly reason?: string;
  /** Only where committed: what the procedure made, where this initiator knows. */
  readonly result?: string;
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
 * - `unknown-dialogue`: no such dialogue is open here, perhaps not any more; begin it again with the same timestamp.
 * - `out-of-place`: another call has that number, or one before it is missing, or the dialogue is being completed.
 */
export type InitiatorRefusalCode =
  | 'stale'
  | 'conflict'
  | 'busy'
  | 'not-activated'
  | 'outcome-unknown'
  | 'unknown-dialogue'
  | 'out-of-place';

export interface RequestRefusal {
  readonly kind: 'refusal';
  readonly code: InitiatorRefusalCode;
}

/** Answers of a dialogue before its end. */
export type DialogueReply =
  | { readonly kind: 'begun'; readonly transactionId: TransactionId }
  | { readonly kind: 'called'; readonly answer: CallAnswer };

/** How a request ends here. */
export type RequestReply = RequestOutcome | RequestRefusal;

/** What an initiator has its node do. */
export type InitiatorOutput<Call extends Called = Called> =
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
      readonly call: Call;
      readonly warrant: Warrant;
      /** Goes into the context of the call. */
      readonly invitation: Signed<InvitationStatement>;
    }
  | {
      readonly kind: 'send-completion';
      readonly to: readonly ReplicaId[];
      readonly statement: Signed<CompletionStatement>;
    }
  | {
      readonly kind: 'answer';
      readonly requestId: RequestId;
      readonly reply: RequestReply | DialogueReply;
    };

/** How many of each thing an initiator keeps before it refuses or forgets. */
export interface InitiatorLimits {
  /** Open transactions; one more is refused as busy. */
  readonly transactions: number;
  /** Open transactions of one client, all its lanes together. */
  readonly transactionsOfOneClient: number;
  /** Calls that open transactions may have under way, shared out evenly among the clients that have any. */
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
