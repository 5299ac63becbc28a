import type { Decision } from '../../agreement/statements.js';
import { unreachable } from '../../kernel/ids.js';
import type { Legs } from './calls.js';
import type {
  AbortCause,
  CallAnswer,
  Called,
  Operation,
  Plan,
  Procedure,
  Step,
} from './messages.js';

const failed: AbortCause = 'ProcedureFailed';
const rolledBack: AbortCause = 'RolledBack';

/**
 * A step that the transaction makes next; undefined while answers are missing that it depends on. `asked`: what the
 * client of a dialogue has asked for.
 */
export function nextStep<Call extends Called>(
  operation: Operation<Call>,
  legs: Legs<Call>,
  asked: Decision | undefined,
): Step<Call> | undefined {
  switch (operation.kind) {
    case 'plan':
      return planned(operation, legs);
    case 'procedure':
      return proceeded(operation, legs);
    case 'dialogue':
      return told(asked, legs);
    default:
      return unreachable(operation);
  }
}

/** A client may give up at once; what it wants done has to be done before. */
function told<Call extends Called>(
  asked: Decision | undefined,
  { answers, refusal }: Legs<Call>,
): Step<Call> | undefined {
  switch (asked) {
    case undefined:
      return undefined;
    case 'rollback':
      return { kind: 'rollback', reason: refusal ?? rolledBack };
    case 'commit':
      if (refusal !== undefined) return { kind: 'rollback', reason: refusal };
      return answers && { kind: 'commit' };
    default:
      return unreachable(asked);
  }
}

/** One leg that is refused is enough: the others need not be waited for. */
function planned<Call extends Called>(
  { legs: all, refusal }: Plan<Call>,
  legs: Legs<Call>,
): Step<Call> | undefined {
  const reason = refusal ?? legs.refusal;
  if (reason !== undefined) return { kind: 'rollback', reason };
  if (legs.count < all.length) return { kind: 'call', legs: all };
  return legs.answers && { kind: 'commit' };
}

/**
 * All answers are waited for: initiators receive them in different orders, and are to come to the same step. A refusal
 * cannot be made up for, since the participant has voted to abort: the procedure can only say why it rolls back.
 */
function proceeded<Call extends Called>(
  procedure: Procedure<Call>,
  legs: Legs<Call>,
): Step<Call> | undefined {
  const { answers, refusal } = legs;
  if (answers === undefined) return undefined;
  const step = attempted(procedure, legs, answers);
  if (step.kind === 'rollback' || refusal === undefined) return step;
  return { kind: 'rollback', reason: refusal };
}

function attempted<Call extends Called>(
  procedure: Procedure<Call>,
  { count }: Legs<Call>,
  answers: readonly CallAnswer[],
): Step<Call> {
  try {
    const step = procedure.next(answers);
    if (step.kind !== 'call') return step;
    const isWithin = count + step.legs.length <= procedure.callsMax;
    return isWithin && step.legs.length > 0 ? step : { kind: 'rollback', reason: failed };
  } catch {
    return { kind: 'rollback', reason: failed };
  }
}
