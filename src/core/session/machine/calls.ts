import { type CallResult, sessionLimits } from '../../../vocabulary/session.js';
import { WireError } from '../../../wire/error.js';
import { encodeTransfers } from '../../../wire/session/index.js';
import type { ApplyResult, State } from '../application.js';
import { ApplicationFault, isTooDeep } from './resources.js';
import { checkText, Draft, type Reads, StateError, type Writes } from './texts.js';

/**
 * Names of errors whose messages the JavaScript engine makes up, not the application. The code that throws them
 * is the same everywhere, so all replicas meet them alike.
 */
const builtIn = new Set(['TypeError', 'SyntaxError', 'ReferenceError', 'EvalError', 'URIError']);
type Rejected = Extract<CallResult, { readonly kind: 'rejected' }>;
const noWrites: Writes = new Map();
const tooDeep: Rejected = { kind: 'rejected', reason: 'the payload is nested too deeply' };

export interface Called<Result extends ApplyResult = ApplyResult> {
  readonly result: Result;
  /** Empty unless it was done. */
  readonly writes: Writes;
}

/**
 * Runs a call on a copy of the state. One that throws, touches too much, or comes to what has no place in a
 * result, is rejected; all replicas reject it with the same words. Throws `ApplicationFault` where this replica
 * ran out of something: the others may not have, so that is no outcome.
 */
export function called<Result extends ApplyResult>(
  base: Reads,
  payload: string,
  call: (state: State) => Result,
): Called<Result | Rejected> {
  if (isTooDeep(payload)) return { result: tooDeep, writes: noWrites };
  const draft = new Draft(base);
  const made = checked(() => call(draft));
  // Also where the application has caught the error.
  const result: Result | Rejected = draft.exceeded ?? made;
  return { result, writes: result.kind === 'done' ? draft.writes : noWrites };
}

function checked<Result extends ApplyResult>(call: () => Result): Result | Rejected {
  try {
    const result = call();
    checkResult(result);
    return result;
  } catch (error) {
    return { kind: 'rejected', reason: reasonOf(error) };
  }
}

/** Throws where the result has no place in an outcome or an order. */
function checkResult(result: ApplyResult): void {
  switch (result.kind) {
    case 'done':
      return checkText('result', result.result, sessionLimits.payloadBytes);
    case 'rejected':
      return checkText('reason', result.reason, sessionLimits.payloadBytes);
    case 'transfers':
      checkText('result', result.result, sessionLimits.payloadBytes);
      if (result.transfers.length === 0) throw new StateError('an order without transfers');
      encodeTransfers(result.transfers);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof WireError) return 'transfers out of form';
  ApplicationFault.check(error);
  if (!(error instanceof Error) || builtIn.has(error.name)) return 'not understood';
  try {
    checkText('reason', error.message, sessionLimits.payloadBytes);
    return error.message;
  } catch (problem) {
    if (problem instanceof StateError) return problem.message;
    throw problem;
  }
}
