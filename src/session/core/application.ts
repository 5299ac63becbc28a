import type { ClientId, ClusterId, ReplicaId, Resilience } from '../../kernel/ids.js';
import type { Sign } from '../../kernel/keys.js';
import type { OrderingEngine, OrderingOptions, StateMachine } from '../../ordering/core/engine.js';
import type { CallResult, SessionId, SessionTransfer } from '../types.js';

/** One call of a session, as an application sees it. */
export interface Call {
  /** Which session it is of. */
  readonly session: SessionId;
  /** Its number in the session, from 1. */
  readonly sequence: number;
  /** The client that signed it. */
  readonly owner: ClientId;
  /** What the owner sent; the application's own language, JSON as a rule. */
  readonly payload: string;
}

/** An application's replicated state: texts under keys. What a rejected call wrote is undone. */
export interface State {
  /** The value under the key; `undefined` where there is none. */
  get(key: string): string | undefined;
  /** Puts a value under the key, in place of what was there. */
  set(key: string, value: string): void;
  /** Takes the key and its value away, if it is there. */
  delete(key: string): void;
  /** Keys that start so, sorted. */
  keys(prefix: string): readonly string[];
}

/**
 * What a call came to, or that it is done only once these transfers are, which are then one WS-AT
 * transaction with the other transfers of the session's batch. Such a call writes nothing.
 */
export type ApplyResult =
  | CallResult
  | {
      readonly kind: 'transfers';
      readonly transfers: readonly SessionTransfer[];
      /** Its result once they are committed. */
      readonly result: string;
    };

/**
 * What users write. Deterministic: the same calls in the same order give the same results and the same
 * state at every replica; no clock, no randomness, nothing but the arguments. Nothing need be undone: a
 * simulation works on a copy that is thrown away.
 *
 * What it returns as `rejected` is an outcome, and so is an error that its own code throws: a rejection with the
 * error's message, or "not understood" where the JavaScript engine has made up the words (`TypeError` and the
 * like). A full stack or memory is none, since replicas differ in how much they have: a `RangeError`, or what
 * is thrown and is no `Error`, ends the replica, which says so and leaves the others to go on. So it should
 * throw no `RangeError`, catch none, and bound its own recursion and loops. Payloads nest brackets at most 64
 * deep, and a call that touches the state more than 10,000 times or writes more than 1 Mi characters is
 * rejected.
 *
 * @example
 * ```ts
 * import type { Application, Call, CallResult, State } from 'concordat/application';
 *
 * // Counts the calls of each owner.
 * function count(state: State, { owner }: Call): CallResult {
 *   const calls = Number(state.get(owner) ?? 0) + 1;
 *   state.set(owner, String(calls));
 *   return { kind: 'done', result: String(calls) };
 * }
 *
 * const application: Application = {
 *   name: 'counter',
 *   simulate: count,
 *   apply: count,
 *   interferes: (a, b) => a.owner === b.owner,
 * };
 * export default { application };
 * ```
 */
export interface Application {
  /** As the cluster file names it. */
  readonly name: string;
  /** The likely result, on the committed state with all calls on top that the replica knows to wait. */
  simulate(state: State, call: Call): CallResult;
  /** The real one, in the agreed order. */
  apply(state: State, call: Call): ApplyResult;
  /**
   * Whether the order of the two matters; engines of total order do not ask. To say so where it does not costs time, the
   * contrary makes replicas part: `findOrderFault` finds where that would be.
   */
  interferes(a: Call, b: Call): boolean;
}

export interface SessionTimings {
  /** Operations are ordered when so many of a session wait, or this long after the first of them. */
  readonly commitOperations: number;
  readonly commitAfterMs: number;
  /** A session's operations within so long of the first that was not passed on are passed on together. */
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
  /** Sent to a client whose operations do not fit. */
  retryAfterMs: 500,
} as const;
