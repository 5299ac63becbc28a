import { WireError } from '../../../kernel/codec/bytes.js';
import { invariant } from '../../../kernel/core.js';
import type { ClientId, ReplicaId } from '../../../kernel/ids.js';
import { encodeTransfers } from '../../run.js';
import {
  type CallResult,
  type OrderOutcome,
  type OrderReportStatement,
  type SessionId,
  type SessionTransfer,
  sessionLimits,
} from '../../types.js';
import type { ApplyResult, State } from '../application.js';
import { ApplicationFault, isTooDeep } from './resources.js';
import { checkText, Draft, type Reads, StateError, type Writes } from './state-table.js';

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

/** Operations that are done in one transaction, or not at all. */
export interface LaneOrder {
  readonly session: SessionId;
  /** The replica that handed them in. */
  readonly submitter: ReplicaId;
  readonly sequences: readonly number[];
}

/** Whose order it is, and what it asks the banks for. */
export interface OrderContent {
  readonly owner: ClientId;
  readonly transfers: readonly SessionTransfer[];
}

export interface OpenOrder extends LaneOrder {
  readonly lane: number;
  readonly number: number;
  /** What each replica's coordinator says of it. */
  readonly reports: Map<ReplicaId, OrderOutcome>;
}

export interface Lane {
  /** Orders opened so far. */
  count: number;
  open: OpenOrder | undefined;
  queue: LaneOrder[];
}

/** Orders of one lane follow one another, so that each initiator knows which comes next. */
export class Lanes {
  readonly lanes: Lane[] = Array.from({ length: sessionLimits.lanes }, () => ({
    ...{ count: 0, open: undefined, queue: [] },
  }));

  /** Returns the order where it is open at once. */
  add(order: LaneOrder): OpenOrder | undefined {
    const lane = laneOf(order.session);
    this.lanes[lane]?.queue.push(order);
    return this.#openNext(lane);
  }

  /** What is agreed on: what `needed` replicas report alike, of the order that is open. */
  report(statement: OrderReportStatement, needed: number): OpenOrder | undefined {
    const open = this.lanes[statement.lane]?.open;
    if (open?.number !== statement.number || open.reports.has(statement.replica)) return undefined;
    open.reports.set(statement.replica, statement.outcome);
    const alike = [...open.reports.values()].filter((outcome) =>
      isSameOutcome(outcome, statement.outcome),
    );
    return alike.length >= needed ? open : undefined;
  }

  /** The open order is over; `instead` come before what waits. Returns the next, where there is one. */
  close({ lane }: OpenOrder, instead: readonly LaneOrder[]): OpenOrder | undefined {
    const state = this.lanes[lane];
    if (!state) return undefined;
    invariant(state.open !== undefined, 'an order ends once');
    state.open = undefined;
    state.queue.unshift(...instead);
    return this.#openNext(lane);
  }

  *open(): Generator<OpenOrder> {
    for (const { open } of this.lanes) if (open) yield open;
  }

  #openNext(lane: number): OpenOrder | undefined {
    const state = this.lanes[lane];
    if (!state || state.open) return undefined;
    const order = state.queue.shift();
    if (!order) return undefined;
    state.count += 1;
    state.open = { ...order, lane, number: state.count, reports: new Map() };
    return state.open;
  }
}

/** Spreads sessions evenly: their ids are digests. */
export function laneOf(session: SessionId): number {
  return Number.parseInt(session.slice(0, 8), 16) % sessionLimits.lanes;
}

/** So the one that cannot be done is found, and the others are done without it. */
export function halvesOf({ session, submitter, sequences }: LaneOrder): readonly LaneOrder[] {
  const middle = Math.ceil(sequences.length / 2);
  return [
    { session, submitter, sequences: sequences.slice(0, middle) },
    { session, submitter, sequences: sequences.slice(middle) },
  ];
}

function isSameOutcome(a: OrderOutcome, b: OrderOutcome): boolean {
  if (a.kind === 'aborted' && b.kind === 'aborted') return a.reason === b.reason;
  return a.kind === b.kind;
}
