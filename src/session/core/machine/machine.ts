import { invariant } from '../../../kernel/core.js';
import {
  type ClusterId,
  type Digest,
  oneCorrect,
  type ReplicaId,
  type Resilience,
} from '../../../kernel/ids.js';
import type { StateMachine } from '../../../ordering/core/engine.js';
import type { Batch } from '../../../ordering/types.js';
import { OutcomeTree } from '../../check-proof.js';
import { digestOfHistory } from '../../proof.js';
import { decodeSessionRequest } from '../../request.js';
import { firstHistory, headsOf, sessionIdOf } from '../../run.js';
import {
  type HistoryStatement,
  type OperationOutcome,
  type OrderReportStatement,
  type SessionRun,
  sessionLimits,
} from '../../types.js';
import type { Application, Call } from '../application.js';
import { differencesOf } from './differences.js';
import { halvesOf, Lanes, type OpenOrder, type OrderContent } from './lanes.js';
import { positionLimits, resultBytes } from './resources.js';
import { type SessionEntry, SessionTable, tableLimits } from './session-table.js';
import { Settling, settleOrdered, transfersOf } from './settling.js';
import { decodeMachine, encodeMachine } from './snapshot.js';
import type { Writes } from './state-table.js';

/** What happened in the agreed order. */
export type MachineEvent =
  /** A call was done, and wrote this. */
  | {
      readonly kind: 'applied';
      readonly call: Call;
      readonly application: string;
      readonly writes: Writes;
    }
  | {
      readonly kind: 'outcomes';
      readonly statement: HistoryStatement;
      readonly outcomes: readonly OperationOutcome[];
      /** The replicas that handed in what became final, each once. */
      readonly submitters: readonly ReplicaId[];
    }
  | {
      readonly kind: 'order-opened';
      readonly order: OpenOrder;
      readonly content: OrderContent;
    }
  | { readonly kind: 'order-closed'; readonly order: OpenOrder };

export interface MachineOptions {
  readonly cluster: ClusterId;
  readonly resilience: Resilience;
  readonly applications: readonly Application[];
}

/** What the engine drives: sessions, applications' states, orders, and the history of outcomes. */
export class SessionMachine implements StateMachine {
  readonly table = new SessionTable();
  readonly lanes = new Lanes();
  readonly settling: Settling;
  /** The history's digest so far. */
  history: Digest;
  readonly #options: MachineOptions;
  readonly #events: MachineEvent[] = [];
  #outcomes: OperationOutcome[] = [];
  readonly #submitters = new Set<ReplicaId>();
  /** Bytes of the results of the position's outcomes. */
  #outcomeBytes = 0;
  #position = 0;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.settling = new Settling(options.applications, (call, application, writes) => {
      this.#events.push({ kind: 'applied', call, application, writes });
    });
    this.history = firstHistory(options.cluster);
  }

  /** What has happened since the last time. */
  takeEvents(): readonly MachineEvent[] {
    return this.#events.splice(0);
  }

  /** Of an order that is open. A session is not forgotten while operations of it wait. */
  contentOf(order: OpenOrder): OrderContent {
    const entry = this.table.get(order.session);
    if (!entry) throw new Error('an open order of no session');
    return { owner: entry.owner, transfers: transfersOf(entry, order) };
  }

  apply(position: number, batch: Batch): void {
    invariant(position > this.#position, 'positions rise');
    this.#position = position;
    for (const { payload } of batch) {
      const request = decodeSessionRequest(this.#options.cluster, payload);
      if (request.kind === 'report') this.#report(request.report.statement);
      else this.#run(position, request.run, request.submitter);
    }
    this.#close(position);
  }

  snapshot(): readonly Uint8Array[] {
    return encodeMachine(this);
  }

  install(snapshot: Uint8Array): void {
    this.#events.length = 0;
    decodeMachine(snapshot, this);
    this.settling.recount(this.table.values());
    this.#position = 0;
  }

  /** Names what two states differ in: keys of applications, and how many more there are. */
  differences(own: Uint8Array, theirs: Uint8Array): readonly string[] {
    const [one, other] = [own, theirs].map((snapshot) => {
      const machine = new SessionMachine(this.#options);
      machine.install(snapshot);
      return machine;
    }) as [SessionMachine, SessionMachine];
    return differencesOf(one, other);
  }

  /** Engines of total order do not ask; the bytes of a request do not show it. */
  interferes(): boolean {
    return true;
  }

  /** Operations that continue the session are taken; those that it has are passed over. */
  #run(position: number, run: SessionRun, submitter: ReplicaId): void {
    const isFull =
      this.#outcomes.length >= positionLimits.outcomesBeforeRun ||
      this.#outcomeBytes >= positionLimits.bytesBeforeRun;
    if (isFull || !this.settling.knows(run.header.application)) return;
    const session = sessionIdOf(this.#options.cluster, run.header);
    const heads = [run.before, ...headsOf(run)];
    const known = this.table.get(session);
    const { next, head } = known ?? { next: 1, head: session };
    const operations = run.operations.slice(Math.max(0, next - run.first));
    // A gap, another chain, or nothing new.
    if (heads[next - run.first] !== head || operations.length === 0 || known?.ended) return;
    if (!known && this.table.isForgotten(session, run.header)) return;
    const entry = known ?? this.table.open(session, run.header, position);
    this.table.touch(entry);
    this.#settle(entry, submitter, Number.POSITIVE_INFINITY, () => {
      for (const operation of operations) {
        const sequence = entry.next;
        if (sequence - entry.open >= sessionLimits.openOperations) return;
        entry.next += 1;
        entry.head = heads[entry.next - run.first] ?? entry.head;
        entry.ended = operation.kind === 'end';
        this.settling.queue(entry, { sequence, head: entry.head, state: 'queued', operation });
      }
    });
  }

  /** A replica says what became of an order; `f + 1` of them decide it. */
  #report(statement: OrderReportStatement): void {
    const order = this.lanes.report(statement, oneCorrect(this.#options.resilience));
    const entry = order && this.table.get(order.session);
    if (!order || !entry) return;
    const { outcome } = statement;
    const isSplit = outcome.kind === 'aborted' && order.sequences.length > 1;
    this.#events.push({ kind: 'order-closed', order });
    this.#opened(this.lanes.close(order, isSplit ? halvesOf(order) : []));
    const roomBytes = positionLimits.bytesBeforeReport - this.#outcomeBytes;
    this.#settle(entry, order.submitter, roomBytes, () => {
      if (!isSplit) settleOrdered(entry, order, outcome);
    });
  }

  #settle(entry: SessionEntry, submitter: ReplicaId, roomBytes: number, change: () => void): void {
    const sequences = this.settling.change(entry, roomBytes, change);
    let expected = entry.open;
    for (const { sequence, head, result } of this.settling.takeSettled(entry)) {
      invariant(sequence === expected, 'outcomes of a session follow one another');
      expected += 1;
      this.#outcomes.push({ session: entry.session, sequence, head, result });
      this.#outcomeBytes += resultBytes(result);
      this.#submitters.add(submitter);
    }
    const isWhole = entry.waiting.length === entry.next - entry.open;
    invariant(isWhole, 'every operation in the order has its outcome or waits for it');
    if (sequences.length === 0) return;
    this.#opened(this.lanes.add({ session: entry.session, submitter, sequences }));
  }

  #opened(order: OpenOrder | undefined): void {
    if (!order) return;
    this.#events.push({ kind: 'order-opened', order, content: this.contentOf(order) });
  }

  #close(position: number): void {
    const outcomes = this.#outcomes;
    invariant(outcomes.length <= positionLimits.outcomes, 'outcomes of a position are bounded');
    invariant(this.#outcomeBytes <= positionLimits.bytes, 'results of a position are bounded');
    const submitters = [...this.#submitters];
    this.#outcomes = [];
    this.#submitters.clear();
    this.#outcomeBytes = 0;
    if (outcomes.length === 0) return;
    for (const { session } of outcomes) {
      const positions = this.table.get(session)?.positions;
      positions?.push(position);
      if (positions && positions.length > tableLimits.positions) positions.shift();
    }
    const { root } = new OutcomeTree(outcomes);
    const statement = { kind: 'history', position, before: this.history, root } as const;
    this.history = digestOfHistory(this.#options.cluster, statement);
    this.#events.push({ kind: 'outcomes', statement, outcomes, submitters });
  }
}
