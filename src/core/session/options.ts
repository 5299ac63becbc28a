import type { Sign } from '../../crypto/signer.js';
import type { ClusterId, ReplicaId } from '../../vocabulary/ids.js';
import type { Resilience } from '../../vocabulary/quorum.js';
import type { OrderingEngine, OrderingOptions, StateMachine } from '../ordering/engine.js';
import type { Application } from './application.js';

export interface SessionTimings {
  /** Operations are ordered when so many of a session wait, or this long after the first of them. */
  readonly commitOperations: number;
  readonly commitAfterMs: number;
  /** A session's operations within so long of one that was passed on are passed on together. */
  readonly passOnAfterMs: number;
  /** How long another replica's promise may be open before this one orders the operations, too. */
  readonly takeoverAfterMs: number;
  /** First retransmission; grows by half each time up to ten times this. */
  readonly resendAfterMs: number;
  /** How long one replica's initiators have an order for themselves, and when they are asked again. */
  readonly orderAgainMs: number;
  /** Positions from a promise to its deadline. The same at all replicas. */
  readonly promisePositions: number;
  /** Positions whose outcomes are kept with their proofs. */
  readonly retainedPositions: number;
}

export const sessionDefaults: SessionTimings = {
  commitOperations: 16,
  commitAfterMs: 200,
  passOnAfterMs: 20,
  takeoverAfterMs: 2000,
  resendAfterMs: 250,
  orderAgainMs: 2000,
  promisePositions: 10_000,
  retainedPositions: 1024,
};

/** What an engine needs to know of its replica; timings are the maker's choice. */
export type EngineIdentity = Pick<OrderingOptions, 'cluster' | 'resilience' | 'self' | 'sign'>;

export interface SessionOptions extends SessionTimings {
  readonly cluster: ClusterId;
  readonly resilience: Resilience;
  readonly self: ReplicaId;
  readonly sign: Sign;
  readonly engine: (options: EngineIdentity, machine: StateMachine) => OrderingEngine;
  /** The same at all replicas. */
  readonly applications: readonly Application[];
}

/**
 * What one replica holds of what is not final: payloads and results, on disk and in memory. Each replica that
 * brings something, this one for its own clients, has an equal share of it; more is not taken.
 */
export const heldLimits = {
  sessions: 8192,
  operations: 65_536,
  bytes: 256 * 1024 * 1024,
  /** So many owners at their limit fill one replica's share. */
  ownersInFull: 8,
  /** Told to a client whose operations do not fit. */
  retryAfterMs: 500,
} as const;
