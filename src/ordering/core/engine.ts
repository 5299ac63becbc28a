import type { CommonOutput, Core } from '../../kernel/core.js';
import type { ClusterId, ReplicaId, Resilience } from '../../kernel/ids.js';
import type { Sign } from '../../kernel/keys.js';
import type { Signed } from '../../kernel/signed.js';
import { orderingLimits } from '../fields.js';
import type {
  Batch,
  OrderingMessage,
  OrderingRequest,
  SpecReply,
  VerifiedOrderingMessage,
} from '../types.js';
import { NUMBERS_REMEMBERED } from './client-table.js';

/**
 * What an engine drives. Deterministic: the same batches at the same positions give the same snapshot at
 * every replica. An engine calls it while it handles an input, also when it replays its log at a start.
 */
export interface StateMachine {
  /** Requests that are new, in their agreed order. Positions rise. */
  apply(position: number, batch: Batch): void;
  /**
   * The whole state in parts; what checkpoints are digests of. A part that is the same array as one before is
   * not cut and digested again.
   */
  snapshot(): readonly Uint8Array[];
  /** What differs between two snapshots, in words for the operator; a bounded number. */
  differences(own: Uint8Array, theirs: Uint8Array): readonly string[];
  /** Joined again. Puts a snapshot in place of the state. A quorum has vouched for it. */
  install(snapshot: Uint8Array): void;
  /**
   * Whether the two requests must be executed in the same order everywhere. Engines of total order do
   * not ask; those that let commuting requests pass each other will.
   */
  interferes(a: OrderingRequest, b: OrderingRequest): boolean;
  /**
   * What a request touches, where that says all: two interfere where they share one of these. Batches are compared by
   * them then, and not request by request. It depends on the request alone, and is the same at all replicas: where more than
   * `f` say otherwise, no batch is decided.
   */
  keysOf?(request: OrderingRequest): readonly string[];
}

/** What an engine takes. Times are milliseconds of a clock that never goes back. */
export type OrderingInput =
  /** The replica's own application wants this ordered. Its client's signature has been checked. */
  | { readonly kind: 'submit'; readonly request: OrderingRequest; readonly nowMs: number }
  | { readonly kind: 'peer'; readonly message: VerifiedOrderingMessage; readonly nowMs: number }
  | { readonly kind: 'peer-up'; readonly replica: ReplicaId };

/** What an engine has its driver do. */
export type OrderingOutput =
  | CommonOutput
  | { readonly kind: 'send'; readonly to: ReplicaId; readonly message: OrderingMessage }
  | { readonly kind: 'broadcast'; readonly message: OrderingMessage }
  /** These were applied, and are on disk before this output is performed. Not said again at a restart. */
  | { readonly kind: 'delivered'; readonly position: number; readonly batch: Batch }
  /**
   * Only `ezbft`, and not said again at a restart: this replica has said this of an instance, and has executed all that
   * it names. Equal ones of all `n` replicas prove that the batch is decided, and next after what they name: a client that
   * is sent them need not wait until it is delivered (Arun and others §IV.A.4).
   */
  | {
      readonly kind: 'speculated';
      readonly reply: Signed<SpecReply>;
      readonly batch: Batch;
    }
  /** The state jumped to this position; what was delivered in between is known as state only. */
  | {
      readonly kind: 'installed';
      readonly position: number;
      /** This replica's own state was not that of the others: what differed, as far as that is known. */
      readonly replaced?: readonly string[];
    }
  /**
   * Not taken. `busy`: the queue is full, so try again later. `executed`: it was ordered before. `too-long`: no batch holds
   * it, be it for its payload or, with ezBFT, for what it touches.
   */
  | {
      readonly kind: 'refused';
      readonly request: OrderingRequest;
      readonly reason: 'busy' | 'executed' | 'too-long';
    };

/** Whom an engine works for, and how fast. All replicas have the same `checkpointInterval` and `pipelineDepth`. */
export interface OrderingOptions {
  /** The id of the cluster, which all that is signed names. */
  readonly cluster: ClusterId;
  /** How many replicas there are, and how many of them may be Byzantine. */
  readonly resilience: Resilience;
  /** The replica that the engine is of. */
  readonly self: ReplicaId;
  /** Signs with the replica's statement key. */
  readonly sign: Sign;
  /** How long a request may wait before PBFT's primary is suspected. Doubles by view change. */
  readonly suspectAfterMs: number;
  /** First retransmission; grows by half each time up to ten times this. */
  readonly resendAfterMs: number;
  /** A batch is closed at so many requests or bytes, or this long after its first request. */
  readonly batchRequestsMax: number;
  readonly batchBytesMax: number;
  readonly batchDelayMs: number;
  /** The same where nothing is under way, and it is not known how many requests to expect. */
  readonly idleDelayMs: number;
  /** Sequence numbers, or cycles, under way at once. */
  readonly pipelineDepth: number;
  /**
   * Positions from one checkpoint to the next. The log holds two intervals. Where a primary orders, no more than what
   * a view change can show: 64 of 25 replicas, 13 of 56 (`intervalThatFits`).
   */
  readonly checkpointInterval: number;
}

/**
 * What suits a local network. Antipaxos' authors used ten cycles at once (§6.1).
 *
 * @example
 * ```ts
 * import { type OrderingOptions, orderingDefaults } from 'concordat/ordering';
 *
 * // Larger batches, for a slow network.
 * export function slowly(options: Omit<OrderingOptions, keyof typeof orderingDefaults>) {
 *   return { ...orderingDefaults, ...options, batchDelayMs: 50, resendAfterMs: 1000 };
 * }
 * ```
 */
export const orderingDefaults = {
  suspectAfterMs: 1500,
  resendAfterMs: 250,
  batchRequestsMax: 4096,
  batchBytesMax: 1024 * 1024,
  batchDelayMs: 5,
  idleDelayMs: 1,
  pipelineDepth: 10,
  checkpointInterval: 64,
} as const;

/** Throws `RangeError` where the parts of an engine would not fit together. */
export function checkOptions(options: OrderingOptions): void {
  const { checkpointInterval, pipelineDepth, batchBytesMax } = options;
  // The log's two intervals must fit into what the client table remembers of one client.
  const fits = 2 * checkpointInterval <= NUMBERS_REMEMBERED && checkpointInterval >= 1;
  if (!fits) throw new RangeError(`checkpoint interval out of range: ${checkpointInterval}`);
  // Others take no larger one.
  const isTaken = batchBytesMax <= orderingLimits.batchBytes;
  if (!isTaken) throw new RangeError(`batch size out of range: ${batchBytesMax}`);
  if (pipelineDepth < 1) throw new RangeError(`pipeline depth out of range: ${pipelineDepth}`);
}

/** Time comes in with submissions and messages: milliseconds of a clock that never goes back. */
export interface OrderingEngine extends Core<OrderingInput, OrderingOutput> {
  readonly kind: 'antipaxos' | 'ezbft' | 'fab' | 'pbft';
  /** The last position applied. */
  readonly position: number;
  /** It has lost its store, and does not take part in full yet. */
  readonly isLost: boolean;
  /**
   * The last position that it may have come to in a life whose store was lost; `undefined` where it has lost
   * none, infinite while it does not know.
   */
  readonly forgottenThrough: number | undefined;
}
