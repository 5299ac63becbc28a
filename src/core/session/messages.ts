import type { Brand } from '../../vocabulary/brand.js';
import type { Digest, ReplicaId } from '../../vocabulary/ids.js';
import type { OrderingMessage, VerifiedOrderingMessage } from '../../vocabulary/ordering.js';
import type {
  AttestationStatement,
  CallResult,
  CertifiedOrder,
  OutcomeProof,
  ReceiptStatement,
  SessionId,
  SessionStanding,
  StateProof,
  VerifiedRun,
  WitnessStatement,
} from '../../vocabulary/session.js';
import type { SessionMessage, VerifiedSessionMessage } from '../../vocabulary/session-messages.js';
import type { Signed } from '../../vocabulary/statements.js';
import type { CommonOutput } from '../effects.js';

/** Names a caller who waits for an answer; made up by the edge. */
export type ReplyId = Brand<number, 'ReplyId'>;

/** A receipt with the result that it promises. */
export interface Receipt {
  readonly receipt: Signed<ReceiptStatement>;
  readonly result: CallResult;
}

/** Where one operation stands. Later kinds replace earlier ones. */
export type OperationStatus =
  | ({ readonly kind: 'provisional' } & Receipt)
  /** `f + 1` other replicas have it too and simulated the same. */
  | ({
      readonly kind: 'witnessed';
      readonly witnesses: readonly Signed<WitnessStatement>[];
    } & Receipt)
  /**
   * Final. `committed` where the simulation was right, `changed` where it was committed with another
   * result, `aborted` where it was rejected in the agreed order. `simulated` is what this replica had
   * said, if it had.
   */
  | {
      readonly kind: 'committed' | 'changed' | 'aborted';
      readonly result: CallResult;
      readonly simulated?: CallResult;
      readonly proof: OutcomeProof;
    };

/** What whoever watches a session is told. */
export type SessionEvent =
  | { readonly kind: 'operation'; readonly sequence: number; readonly status: OperationStatus }
  /** Another replica simulated something else: the result is less likely than it was. */
  | { readonly kind: 'doubted'; readonly sequence: number; readonly by: ReplicaId };

export type SessionRefusal =
  /** Operations before these are unknown here: send those from `next` on, too. */
  | { readonly code: 'gap'; readonly next: number }
  /** Another operation has this number, or the chain of heads does not fit. */
  | { readonly code: 'conflict'; readonly sequence: number }
  | { readonly code: 'ended' }
  | { readonly code: 'unknown-application'; readonly name: string }
  | { readonly code: 'unknown-session' }
  /** The application fails on an operation here, for want of memory or the like: ask another coordinator. */
  | { readonly code: 'unavailable'; readonly reason: string }
  /** Try again after so long. The reason says whose share is full, where it is one. */
  | { readonly code: 'busy'; readonly retryAfterMs: number; readonly reason: string };

export type SessionInput =
  /** From a client. Answered with `answer` or `refused`. `commit`: and order them at once. */
  | {
      readonly kind: 'run';
      readonly replyId: ReplyId;
      readonly run: VerifiedRun;
      readonly commit: boolean;
      readonly nowMs: number;
    }
  /** Order what waits of this session. Answered with the statuses of what is not final. */
  | {
      readonly kind: 'commit';
      readonly replyId: ReplyId;
      readonly session: SessionId;
      readonly nowMs: number;
    }
  /** Where its operations stand from this number on. */
  | {
      readonly kind: 'status';
      readonly replyId: ReplyId;
      readonly session: SessionId;
      readonly from: number;
    }
  /** Prove the value under a key of an application's state. */
  | {
      readonly kind: 'prove';
      readonly replyId: ReplyId;
      readonly application: string;
      readonly key: string;
      readonly nowMs: number;
    }
  /** Say and sign how far this replica's order has the session. Answered with `attested`. */
  | { readonly kind: 'attest'; readonly replyId: ReplyId; readonly session: SessionId }
  | { readonly kind: 'session'; readonly message: VerifiedSessionMessage; readonly nowMs: number }
  | { readonly kind: 'ordering'; readonly message: VerifiedOrderingMessage; readonly nowMs: number }
  | { readonly kind: 'peer-up'; readonly replica: ReplicaId }
  /** What this replica's coordinator says of an order. */
  | {
      readonly kind: 'order-ended';
      readonly lane: number;
      readonly number: number;
      readonly outcome: 'committed' | { readonly aborted: string };
      readonly nowMs: number;
    };

export type SessionOutput =
  | CommonOutput
  | {
      readonly kind: 'answer';
      readonly replyId: ReplyId;
      readonly session: SessionId;
      readonly next: number;
      readonly statuses: readonly { readonly sequence: number; readonly status: OperationStatus }[];
    }
  | { readonly kind: 'proved'; readonly replyId: ReplyId; readonly proof: StateProof | null }
  | {
      readonly kind: 'attested';
      readonly replyId: ReplyId;
      readonly attestation: Signed<AttestationStatement>;
      readonly standing: SessionStanding;
    }
  | { readonly kind: 'refused'; readonly replyId: ReplyId; readonly refusal: SessionRefusal }
  | { readonly kind: 'event'; readonly session: SessionId; readonly event: SessionEvent }
  | { readonly kind: 'send-session'; readonly to: ReplicaId; readonly message: SessionMessage }
  | { readonly kind: 'broadcast-session'; readonly message: SessionMessage }
  | { readonly kind: 'send-ordering'; readonly to: ReplicaId; readonly message: OrderingMessage }
  | { readonly kind: 'broadcast-ordering'; readonly message: OrderingMessage }
  /** Have the initiators do this. Said again until `order-ended` comes; asking twice does no harm. */
  | { readonly kind: 'run-order'; readonly order: CertifiedOrder }
  /** This order is open: watch this replica's coordinator for its outcome. */
  | {
      readonly kind: 'watch-order';
      readonly lane: number;
      readonly number: number;
      readonly transfers: Digest;
    };
