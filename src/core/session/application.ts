import type { ClientId } from '../../vocabulary/ids.js';
import type { CallResult, SessionId, SessionTransfer } from '../../vocabulary/session.js';

/** One call of a session, as an application sees it. */
export interface Call {
  readonly session: SessionId;
  readonly sequence: number;
  /** Who signed it. */
  readonly owner: ClientId;
  /** What the owner sent; the application's own language, JSON as a rule. */
  readonly payload: string;
}

/** An application's replicated state: texts under keys. What a rejected call wrote is undone. */
export interface State {
  get(key: string): string | undefined;
  set(key: string, value: string): void;
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
 * It may throw on a payload that it does not understand: that is a rejection with the error's message.
 */
export interface Application {
  readonly name: string;
  /** The likely result, on the committed state with all calls on top that the replica knows to wait. */
  simulate(state: State, call: Call): CallResult;
  /** The real one, in the agreed order. */
  apply(state: State, call: Call): ApplyResult;
  /** Whether the order of the two matters. Engines of total order do not ask. */
  interferes(a: Call, b: Call): boolean;
}
