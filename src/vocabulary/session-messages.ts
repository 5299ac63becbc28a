import type { Brand } from './brand.js';
import type { ReplicaId } from './ids.js';
import type {
  AttestationStatement,
  HistoryStatement,
  OperationOutcome,
  OrderReportStatement,
  OrderStatement,
  ReceiptStatement,
  SessionCertificate,
  SessionId,
  SessionRun,
  VerifiedRun,
  WitnessStatement,
} from './session.js';
import type { Signed } from './statements.js';

/** What replicas send each other about sessions. The link tells who sent it. */
export type SessionMessage =
  /** Operations that the sender has promised to order: keep them, simulate them, say what came out. */
  | {
      readonly kind: 'run';
      readonly run: SessionRun;
      /** Of operations in the run; in the order of their numbers. */
      readonly receipts: readonly Signed<ReceiptStatement>[];
    }
  | { readonly kind: 'witness'; readonly witnesses: readonly Signed<WitnessStatement>[] }
  | { readonly kind: 'history'; readonly history: Signed<HistoryStatement> }
  /** A position's outcomes with their proof. */
  | {
      readonly kind: 'final';
      readonly outcomes: readonly OperationOutcome[];
      readonly certificate: SessionCertificate<HistoryStatement>;
    }
  | { readonly kind: 'order'; readonly order: Signed<OrderStatement> }
  | { readonly kind: 'attest'; readonly subject: AttestationStatement['subject'] }
  | { readonly kind: 'attestation'; readonly attestation: Signed<AttestationStatement> }
  /** The sender lacks something: say it, or say it again. */
  | { readonly kind: 'fetch'; readonly what: SessionFetch };

export type SessionFetch =
  /** The session's operations from `next` on. */
  | { readonly kind: 'run'; readonly session: SessionId; readonly next: number }
  | { readonly kind: 'final'; readonly position: number }
  | { readonly kind: 'order'; readonly lane: number; readonly number: number };

export type SessionMessageKind = SessionMessage['kind'];

/** A message whose sender and signatures have been checked; made by `verifySessionMessage` only. */
export type VerifiedSessionMessage = Brand<
  {
    readonly from: ReplicaId;
    readonly message: SessionMessage;
    /** What a `run` holds. */
    readonly run?: VerifiedRun;
  },
  'VerifiedSessionMessage'
>;

/** What the engine orders for sessions: the payload of an `OrderingRequest`. */
export type SessionRequest =
  | {
      readonly kind: 'run';
      readonly run: SessionRun;
      /** Who hands it in, and for which time: so that each such request is another. */
      readonly submitter: ReplicaId;
      readonly attempt: number;
    }
  | { readonly kind: 'report'; readonly report: Signed<OrderReportStatement> };
