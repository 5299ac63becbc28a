import type { Brand, ClientId, Digest, ReplicaId } from '../kernel/ids.js';

/** A place in the log of a replicated state machine, counted from 1; 0 is before the first. */
export type SequenceNumber = Brand<number, 'SequenceNumber'>;
/** A cycle of Antipaxos, counted from 1. */
export type Cycle = Brand<number, 'Cycle'>;

/**
 * Which instance of which protocol a message belongs to. It is in everything signed, so that what the
 * Decision Module says never passes for what the ordering engine says.
 */
export type OrderingScope =
  | 'pbft'
  | 'decision-module'
  | 'antipaxos'
  | 'ezbft'
  | 'ezbft-decisions'
  | 'fab';

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

export const sequenceNumber = (value: number): SequenceNumber => {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not a place: ${value}`);
  return value as SequenceNumber;
};
export const cycleNumber = (value: number): Cycle => sequenceNumber(value) as number as Cycle;
