import type { Brand, Digest, ReplicaId, View } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type {
  Batch,
  CheckpointCertificate,
  CheckpointStatement,
  Cycle,
  OrderingScope,
  SharedCertificate,
  SnapshotManifest,
} from './common-types.js';
import type { CycleValue, ProposalStatement, ReportStatement } from './cycle-types.js';
import type { Instance, SpecOrder, SpecReply } from './instance-types.js';
import type {
  SequenceNewView,
  SequencePhase,
  SequencePrepared,
  SequenceViewChange,
} from './sequence-types.js';
import type { TwoStepNewView, TwoStepViewChange, ViewConfirmation } from './two-step-types.js';

export * from './common-types.js';
export type * from './cycle-types.js';
export * from './instance-types.js';
export type * from './sequence-types.js';
export type * from './two-step-types.js';

export type OrderingStatement =
  | SequencePhase
  | CheckpointStatement
  | SequenceViewChange
  | SequenceNewView
  | ProposalStatement
  | ReportStatement
  | SpecReply
  | ViewConfirmation
  | TwoStepViewChange
  | TwoStepNewView;

/** What replicas send each other to order requests. The link identifies the sender. */
export type OrderingMessage = { readonly scope: OrderingScope } & (
  | {
      readonly kind: 'requests';
      /** To a replica that may propose them. */
      readonly batch: Batch;
    }
  | {
      readonly kind: 'pre-prepare';
      readonly prePrepare: Signed<SequencePhase>;
      readonly batch: Batch;
    }
  /** A prepare or a commit of the sender. */
  | { readonly kind: 'phase'; readonly signed: Signed<SequencePhase> }
  | { readonly kind: 'checkpoint'; readonly signed: Signed<CheckpointStatement> }
  | { readonly kind: 'view-change'; readonly viewChange: Signed<SequenceViewChange> }
  | { readonly kind: 'new-view'; readonly newView: Signed<SequenceNewView> }
  | { readonly kind: 'fetch-batch'; readonly digest: Digest }
  | { readonly kind: 'batch'; readonly batch: Batch }
  /** A sequence number as a proof: a quorum of commits, and the batch. */
  | {
      readonly kind: 'committed';
      readonly commits: SharedCertificate<SequencePhase>;
      readonly batch: Batch;
    }
  | { readonly kind: 'two-step-view-change'; readonly viewChange: Signed<TwoStepViewChange> }
  | { readonly kind: 'two-step-new-view'; readonly newView: Signed<TwoStepNewView> }
  /** One replica's confirmation of a view's start, or those of several. */
  | {
      readonly kind: 'confirmation';
      readonly confirmations: SharedCertificate<ViewConfirmation>;
    }
  /** A sequence number as a proof of two steps: as many acknowledgements as decide alone, and the batch. */
  | {
      readonly kind: 'fast-committed';
      readonly acks: SequencePrepared;
      readonly batch: Batch;
    }
  /** How far the sender is. A replica that is further shows it what it lacks. */
  | {
      readonly kind: 'status';
      readonly view: View;
      /** Executed up to here. */
      readonly position: number;
      /** Its last stable checkpoint. */
      readonly stable: number;
    }
  | { readonly kind: 'stable'; readonly certificate: CheckpointCertificate }
  | {
      readonly kind: 'state';
      readonly certificate: CheckpointCertificate;
      readonly manifest: SnapshotManifest;
    }
  | { readonly kind: 'fetch-chunk'; readonly digest: Digest }
  | { readonly kind: 'chunk'; readonly bytes: Uint8Array }
  /** The sender finds this view's primary too slow. */
  | { readonly kind: 'slow'; readonly view: View }
  /** From the proposer, or handed on by a process that holds the value. */
  | {
      readonly kind: 'proposal';
      readonly proposal: Signed<ProposalStatement>;
      readonly value: CycleValue;
    }
  | { readonly kind: 'report'; readonly report: Signed<ReportStatement> }
  | { readonly kind: 'fetch-value'; readonly cycle: Cycle; readonly digest: Digest }
  /** The sender lacks reports of this cycle, or its decision; what the other learns later counts, too. */
  | { readonly kind: 'fetch-reports'; readonly cycle: Cycle }
  /** A fast decision as a proof: the matching reports of all active processes, sorted by process. */
  | { readonly kind: 'fast-decision'; readonly reports: readonly Signed<ReportStatement>[] }
  /** An excluded process has caught up to this cycle and wants to come back. */
  | { readonly kind: 'rejoin'; readonly position: number }
  /** From the leader, or handed on by a replica that has replied to it. */
  | ({ readonly kind: 'spec-order' } & SpecOrder)
  | { readonly kind: 'spec-reply'; readonly reply: Signed<SpecReply> }
  /** A fast decision as a proof: the same reply of all replicas (Arun and others, COMMITFAST). */
  | {
      readonly kind: 'commit-fast';
      readonly replies: SharedCertificate<SpecReply>;
      readonly batch: Batch;
    }
  /** The sender lacks the decision of this instance. */
  | { readonly kind: 'fetch-instance'; readonly instance: Instance }
  /**
   * The sender has lost its store. It asks how far others are, and has them cover what it may have said something of,
   * by space, where it knows that (nothing else). The nonce is that of its new store.
   */
  | {
      readonly kind: 'lost-instances';
      readonly nonce: Digest;
      readonly closed: readonly number[];
    }
  /** The answer: by space, the last instance that the sender has executed. */
  | {
      readonly kind: 'reach-instances';
      readonly nonce: Digest;
      readonly executed: readonly number[];
    }
  /**
   * The sender has lost its store. It asks how far others are, and has them pass the view and the position up
   * to which it may have signed something, where it knows them (0 else). The nonce is that of its new store.
   */
  | {
      readonly kind: 'lost';
      readonly nonce: Digest;
      readonly view: View;
      readonly position: number;
    }
  /** The answer: the last view that the sender has asked for or was in, and the last position it has applied. */
  | {
      readonly kind: 'reach';
      readonly nonce: Digest;
      readonly view: View;
      readonly position: number;
    }
);

export type OrderingMessageKind = OrderingMessage['kind'];
export type OrderingMessageOf<Kind extends OrderingMessageKind> = Extract<
  OrderingMessage,
  { readonly kind: Kind }
>;

/** A message whose sender and signatures have been checked; made by `verifyOrderingMessage` only. */
export type VerifiedOrderingMessage = Brand<
  { readonly from: ReplicaId; readonly message: OrderingMessage },
  'VerifiedOrderingMessage'
>;
