import type { ClientId, ReplicaId } from '../../../vocabulary/ids.js';
import {
  type OrderOutcome,
  type OrderReportStatement,
  type SessionId,
  type SessionTransfer,
  sessionLimits,
} from '../../../vocabulary/session.js';
import { invariant } from '../../invariant.js';

/** Operations that are done in one transaction, or not at all. */
export interface LaneOrder {
  readonly session: SessionId;
  /** Who handed them in. */
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
