import type { Brand, ClientId, Digest, ReplicaId, View } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';

/** A place in the log of a replicated state machine, counted from 1; 0 is before the first. */
export type SequenceNumber = Brand<number, 'SequenceNumber'>;
/** A cycle of Antipaxos, counted from 1. */
export type Cycle = Brand<number, 'Cycle'>;

/**
 * Which instance of which protocol a message belongs to. It is in everything signed, so that what the
 * Decision Module says never passes for what the ordering engine says.
 */
export type OrderingScope = 'pbft' | 'decision-module' | 'antipaxos';

/** Something to be ordered. Executed once for each client and number. */
export interface OrderingRequest {
  /** Whose request it is. */
  readonly client: ClientId;
  /** The client's own number for it, from 1. Numbers rise; gaps are allowed. */
  readonly number: number;
  /** The application's own language. */
  readonly payload: Uint8Array;
}

/** Requests that are ordered together. An empty one is PBFT's null request. */
export type Batch = readonly OrderingRequest[];

/** Signatures of different replicas, sorted by replica, under the same bytes. */
export interface SharedCertificate<S> {
  readonly statement: S;
  readonly bytes: Uint8Array;
  readonly signatures: readonly { readonly replica: ReplicaId; readonly signature: Uint8Array }[];
}

/** Pre-prepare, prepare and commit of Castro and Liskov §4.2; all replicas sign the same bytes. */
export interface SequencePhase {
  readonly kind: 'phase';
  readonly scope: OrderingScope;
  readonly phase: 'pre-prepare' | 'prepare' | 'commit';
  readonly view: View;
  readonly sequence: SequenceNumber;
  /** Digest of the encoded batch. */
  readonly digest: Digest;
}

/** Castro and Liskov §4.3: the state after so many sequence numbers, or cycles. */
export interface CheckpointStatement {
  readonly kind: 'checkpoint';
  readonly scope: OrderingScope;
  readonly position: number;
  /** Digest of the snapshot's manifest. */
  readonly digest: Digest;
}

/** A state in chunks, so that no message holds all of it. What a checkpoint's digest is of. */
export interface SnapshotManifest {
  /** So many of the first chunks are the engine's own part; the others are the state machine's. */
  readonly own: number;
  readonly chunks: readonly Digest[];
}

export type CheckpointCertificate = SharedCertificate<CheckpointStatement>;

/** The primary's pre-prepare and `quorum - 1` prepares of backups. The batch is fetched by its digest. */
export interface SequencePrepared {
  readonly prePrepare: Signed<SequencePhase>;
  readonly prepares: SharedCertificate<SequencePhase>;
}

/** Castro and Liskov §4.4. */
export interface SequenceViewChange {
  readonly kind: 'view-change';
  readonly scope: OrderingScope;
  readonly view: View;
  readonly replica: ReplicaId;
  /** The last stable checkpoint; `null` at position 0. */
  readonly stable: CheckpointCertificate | null;
  /** What prepared above it, each in the highest view that it did in; sorted by sequence number. */
  readonly prepared: readonly SequencePrepared[];
  /**
   * What committed above it and did not prepare here in that view or a later one; sorted by sequence number.
   * A replica that has lost its store and come back knows so what it once prepared.
   */
  readonly committed: readonly SharedCertificate<SequencePhase>[];
}

/** A quorum of view changes, sorted by replica. What it proposes, everybody recomputes from them. */
export interface SequenceNewView {
  readonly kind: 'new-view';
  readonly scope: OrderingScope;
  readonly view: View;
  readonly viewChanges: readonly Signed<SequenceViewChange>[];
}

/** What a process puts into a cycle. It may be empty: the cycle goes on. Missing is something else. */
export interface CycleValue {
  readonly batch: Batch;
  /** Excluded processes whose messages the proposer has received, sorted. */
  readonly readmit: readonly ReplicaId[];
  /** Sorted by cycle, then by process. */
  readonly complaints: readonly Complaint[];
}

/**
 * What the proposer saw of another in one cycle. `absent`: its report or value did not come while there was
 * time, or it signed two values. `slow`: it came much later than the others', or its report lacks a value
 * that was there in time.
 */
export interface Complaint {
  readonly cycle: Cycle;
  readonly replica: ReplicaId;
  readonly what: ComplaintKind;
}

export type ComplaintKind = 'absent' | 'slow';

/** Antipaxos line 2. The value travels beside it. */
export interface ProposalStatement {
  readonly kind: 'proposal';
  readonly scope: 'antipaxos';
  readonly cycle: Cycle;
  readonly replica: ReplicaId;
  readonly digest: Digest;
}

/** What a report says of one process: the digest of its value, and that it signed it. */
export interface ReportEntry {
  readonly digest: Digest;
  readonly signature: Uint8Array;
}

/** Antipaxos line 14, with hashes for values (§4.1). */
export interface ReportStatement {
  readonly kind: 'report';
  readonly scope: 'antipaxos';
  readonly cycle: Cycle;
  readonly replica: ReplicaId;
  /** One for each process, in their order; `null` where no value came. */
  readonly entries: readonly (ReportEntry | null)[];
}

/** Antipaxos line 26: reports from which the Decision Module's decision of a cycle follows. */
export interface Assistance {
  /** The processes that are left out of the cycle, sorted. A replica that prepares the command has checked it. */
  readonly excluded: readonly ReplicaId[];
  /** Of different processes, sorted by process. */
  readonly reports: readonly Signed<ReportStatement>[];
}

export type OrderingStatement =
  | SequencePhase
  | CheckpointStatement
  | SequenceViewChange
  | SequenceNewView
  | ProposalStatement
  | ReportStatement;

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

export const sequenceNumber = (value: number): SequenceNumber => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a place: ${value}`);
  return value as SequenceNumber;
};
export const cycleNumber = (value: number): Cycle => sequenceNumber(value) as number as Cycle;
