import { participantId, unreachable } from '../../kernel/ids.js';
import type { CallAnswer, Called, Procedure, Step } from '../../transaction/initiator/messages.js';
import {
  type Json,
  jsonText,
  jsonTextOf,
  parseJson,
  payloadBytesMax,
  resultBytesMax,
} from '../json.js';
import { type Run, reasonLengthMax, type ServiceCall, serviceName } from '../messages.js';

/** A call of a procedure, as the core of an initiator hands it on. */
export interface ProcedureCall extends Called, ServiceCall {
  readonly kind: 'call';
}

/** What a procedure receives. */
export interface ProcedureRequest {
  /** Name of the client that signed the request. */
  readonly client: string;
  /** What the client sent. */
  readonly payload: Json;
}

/** What a participant answered to a call. */
export type ServiceAnswer =
  | { readonly kind: 'done'; readonly result: Json }
  /** The transaction will be aborted. `reason` is a code. */
  | { readonly kind: 'refused'; readonly reason: string };

/** How a procedure ends: `commit` and `rollback` make it. */
export type Ending =
  | { readonly kind: 'commit'; readonly result: Json }
  | { readonly kind: 'rollback'; readonly reason: string };

/** Yields the calls to make at once, receives their answers in the same order, and returns how it ends. */
export type ProcedureSteps = Generator<readonly ServiceCall[], Ending, readonly ServiceAnswer[]>;

/**
 * An application of initiators: each procedure runs at all of them, as one transaction for each request, so it has to
 * be deterministic. Nothing but the request and the answers may count: no clock, no randomness, no other service. It is
 * run from its beginning for each step, and the initiator does nothing else until it yields.
 *
 * @example
 * ```ts
 * import { call, commit, type InitiatorApplication, rollback } from 'concordat/initiator';
 *
 * export const application: InitiatorApplication = {
 *   name: 'travel',
 *   procedures: {
 *     *book({ payload }) {
 *       const [room, seat] = yield [call('hotel', 'reserve', payload), call('train', 'reserve', payload)];
 *       if (room?.kind !== 'done' || seat?.kind !== 'done') return rollback('NothingFree');
 *       return commit([room.result, seat.result]);
 *     },
 *   },
 * };
 * ```
 */
export interface InitiatorApplication {
  readonly name: string;
  readonly procedures: Readonly<Record<string, (request: ProcedureRequest) => ProcedureSteps>>;
  /** The most calls that one of its procedures makes; 8 unless given, 64 at most. */
  readonly callsMax?: number;
}

/** The most calls that a procedure may be allowed. */
export const procedureCallsMax = 64;
const usualCallsMax = 8;

/**
 * A call for a procedure to yield. Throws `RangeError` where a name is none, or the payload is too long.
 *
 * @example
 * ```ts
 * import { call } from 'concordat/initiator';
 *
 * console.log(call('hotel', 'reserve', { nights: 2 }).operation);
 * ```
 */
export function call(participant: string, operation: string, payload: Json): ServiceCall {
  return {
    participant: participantId(participant),
    operation: serviceName(operation),
    payload: jsonText(payload, payloadBytesMax),
  };
}

/**
 * Ends a procedure: all that it called is to be done. The client receives the result with the outcome.
 *
 * @example
 * ```ts
 * import { commit } from 'concordat/initiator';
 *
 * console.log(commit({ room: 7 }).kind);
 * ```
 */
export function commit(result: Json = null): Ending {
  return { kind: 'commit', result };
}

/**
 * Ends a procedure: nothing that it called is to be done. The client receives the reason.
 *
 * @example
 * ```ts
 * import { rollback } from 'concordat/initiator';
 *
 * console.log(rollback('NothingFree').kind);
 * ```
 */
export function rollback(reason: string): Ending {
  return { kind: 'rollback', reason };
}

/**
 * The request as the core of an initiator runs it; undefined where the application has no such procedure. `onFailed`
 * receives what the procedure throws, or what is wrong with its calls.
 */
export function procedureOf(
  { procedures, callsMax = usualCallsMax }: InitiatorApplication,
  run: Run,
  client: string,
  onFailed: (error: unknown) => void = () => {},
): Procedure<ProcedureCall> | undefined {
  const steps = Object.hasOwn(procedures, run.procedure) ? procedures[run.procedure] : undefined;
  if (steps === undefined) return undefined;
  const begin = () => steps({ client, payload: parseJson(run.payload, payloadBytesMax) });
  const next = (answers: readonly CallAnswer[]) => {
    try {
      return withinBounds(nextOf(begin(), answers), answers.length, callsMax);
    } catch (error) {
      onFailed(error);
      throw error;
    }
  };
  return { kind: 'procedure', callsMax, next };
}

function withinBounds(
  step: Step<ProcedureCall>,
  before: number,
  callsMax: number,
): Step<ProcedureCall> {
  if (step.kind !== 'call') return step;
  const calls = before + step.legs.length;
  if (step.legs.length === 0) throw new RangeError('it yields no call');
  if (calls > callsMax)
    throw new RangeError(`it makes ${calls} calls, and callsMax is ${callsMax}`);
  return step;
}

/**
 * Runs it from its beginning with the answers so far: what it comes to depends on nothing else. Throws where it throws,
 * and where it yields or returns what is not as its type says.
 */
function nextOf(steps: ProcedureSteps, answers: readonly CallAnswer[]): Step<ProcedureCall> {
  let done = 0;
  let step = steps.next();
  while (!step.done && done + step.value.length <= answers.length && step.value.length > 0) {
    const next = done + step.value.length;
    step = steps.next(answers.slice(done, next).map(answerOf));
    done = next;
  }
  return step.done ? endingOf(step.value) : { kind: 'call', legs: step.value.map(legOf) };
}

/** An answer that a procedure returns is no ending, and must not commit. */
function endingOf(ending: Ending): Step<ProcedureCall> {
  switch (ending.kind) {
    case 'commit':
      return { kind: 'commit', result: jsonText(ending.result, resultBytesMax) };
    case 'rollback':
      return { kind: 'rollback', reason: String(ending.reason).slice(0, reasonLengthMax) };
    default:
      return unreachable(ending);
  }
}

const payloadText = jsonTextOf(payloadBytesMax);

/** A procedure may have made it otherwise than by `call`, from what a client sent. */
function legOf({ participant, operation, payload }: ServiceCall): ProcedureCall {
  return {
    kind: 'call',
    participant: participantId(String(participant)),
    operation: serviceName(String(operation)),
    payload: payloadText(String(payload)),
  };
}

function answerOf(answer: CallAnswer): ServiceAnswer {
  if (answer.kind === 'refused') return { kind: 'refused', reason: answer.reason };
  return { kind: 'done', result: parseJson(answer.result ?? 'null', resultBytesMax) };
}
