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
 * What it returns as `rejected` is an outcome, and so is an error that its own code throws: a rejection with the
 * error's message, or "not understood" where the JavaScript engine has made up the words (`TypeError` and the
 * like). A full stack or memory is none, since replicas differ in how much they have: a `RangeError`, or what
 * is thrown and is no `Error`, ends the replica, which says so and leaves the others to go on. So it should
 * throw no `RangeError`, catch none, and bound its own recursion and loops. Payloads nest brackets at most 64
 * deep, and a call that touches the state more than 10,000 times or writes more than 1 Mi characters is
 * rejected.
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
