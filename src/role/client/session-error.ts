import type { SessionProblem } from '../../edge/session/problem.js';

/**
 * - `refused`: so many coordinators refuse the operation that one of them is correct.
 * - `unreachable`: no coordinator took it in time. It may have been taken all the same.
 * - `closed`: the client was closed before.
 */
export type SessionErrorCode = 'refused' | 'unreachable' | 'closed';

/** An operation without an answer. */
export class SessionError extends Error {
  override readonly name = 'SessionError';

  constructor(
    readonly code: SessionErrorCode,
    message: string,
    /** What was refused, and why. */
    readonly problem?: SessionProblem,
  ) {
    super(message);
  }
}

/** A coordinator that does not answer as it should: another one is asked instead. */
export class NodeError extends Error {
  override readonly name = 'NodeError';
}
