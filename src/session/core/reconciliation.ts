import { oneCorrect, type Resilience } from '../../kernel/ids.js';
import type { OrderingEngine } from '../../ordering/core/engine.js';
import type { CallResult, OperationOutcome, SessionId } from '../types.js';
import type { Finals, ProvedStatus } from './finals.js';
import type { HeldOperation, HeldSession, Simulated } from './held.js';
import type { HeldSessions } from './held-sessions.js';
import type { MachineEvent, SessionMachine } from './machine/machine.js';
import { resultBytes } from './machine/resources.js';
import type { SessionTable } from './machine/session-table.js';
import type { OperationStatus, SessionOutbox } from './outbox.js';
import type { PendingView } from './pending-view.js';
import type { Submissions } from './submissions.js';

/** What an operator may want to see. Counts begin with the process. */
export interface SessionMetrics extends OutcomeCounts {
  readonly engine: OrderingEngine['kind'];
  readonly position: number;
  /** Sessions in the order, and those with operations that are not final here. */
  readonly sessions: number;
  readonly open: number;
  readonly orders: number;
  /** How often this replica's state was not that of the others, and what differed the last time. */
  readonly divergence: { readonly times: number; readonly last: readonly string[] };
  /** Operations: promised by this replica, and how many of those others simulated alike. */
  readonly provisional: number;
  readonly witnessed: number;
  readonly doubted: number;
}

/** In one answer; the rest is asked for from the next number on. */
const statusesMax = 512;
/**
 * Bytes of results in one answer. As JSON a byte may take six; with certificates of 64 replicas an answer
 * stays below the 16 MiB that a client reads.
 */
const resultBytesMax = 512 * 1024;

export interface Numbered {
  readonly sequence: number;
  readonly status: OperationStatus;
}

/** Where operations stand, as far as this replica can say it with a signature or a proof. */
export class Statuses {
  readonly #resilience: Resilience;
  readonly #table: SessionTable;
  readonly #held: HeldSessions;
  readonly #finals: Finals;

  constructor(resilience: Resilience, table: SessionTable, held: HeldSessions, finals: Finals) {
    this.#resilience = resilience;
    this.#table = table;
    this.#held = held;
    this.#finals = finals;
  }

  isKnown(session: SessionId): boolean {
    return this.#table.get(session) !== undefined || this.#held.get(session) !== undefined;
  }

  /** The number that the next operation has to have. */
  next(session: SessionId): number {
    const held = this.#held.get(session)?.last?.sequence ?? 0;
    return Math.max(this.#table.get(session)?.next ?? 1, held + 1);
  }

  /** From this number on; what cannot be said yet is left out. */
  from(session: SessionId, first: number): readonly Numbered[] {
    const next = this.next(session);
    const start = Math.max(first, this.#firstKnown(session));
    const statuses: Numbered[] = [];
    let bytes = 0;
    for (let sequence = start; sequence < next && statuses.length < statusesMax; sequence += 1) {
      const status = this.of(session, sequence);
      if (!status) continue;
      bytes += bytesOf(status);
      if (statuses.length > 0 && bytes > resultBytesMax) break;
      statuses.push({ sequence, status });
    }
    return statuses;
  }

  of(session: SessionId, sequence: number): OperationStatus | undefined {
    const position = this.positionOf(session, sequence);
    const final =
      position === undefined ? undefined : this.#finals.statusOf(position, session, sequence);
    if (final) return final;
    if (position !== undefined) this.#finals.want(position);
    const operation = this.#held.get(session)?.operations.get(sequence);
    return operation && this.ofHeld(operation);
  }

  /** By this replica's promise, or by that of another which it can put its own result to. */
  ofHeld(operation: HeldOperation): OperationStatus | undefined {
    const { result, resultDigest } = operation;
    const witnesses = [...operation.witnesses.values()];
    if (operation.receipt) {
      const { receipt } = operation;
      return witnesses.length >= this.witnessesNeeded
        ? { kind: 'witnessed', receipt, result, witnesses }
        : { kind: 'provisional', receipt, result };
    }
    const promises = [...operation.promises.values()];
    const receipt = promises.find(({ statement }) => statement.result === resultDigest);
    return receipt && { kind: 'provisional', receipt, result };
  }

  /** Others that have to have simulated the same; all of them where there are no more. */
  get witnessesNeeded(): number {
    return Math.min(oneCorrect(this.#resilience), Math.max(1, this.#resilience.n - 1));
  }

  /** Where the operation became final, if that is remembered. */
  positionOf(session: SessionId, sequence: number): number | undefined {
    const entry = this.#table.get(session);
    return entry?.positions[sequence - entry.open + entry.positions.length];
  }

  #firstKnown(session: SessionId): number {
    const entry = this.#table.get(session);
    const held = this.#held.get(session)?.from(1)[0]?.sequence ?? Number.POSITIVE_INFINITY;
    return Math.min(entry ? entry.open - entry.positions.length : 1, held);
  }
}

function bytesOf(status: OperationStatus): number {
  const simulated = 'simulated' in status && status.simulated ? resultBytes(status.simulated) : 0;
  return resultBytes(status.result) + simulated;
}

/** What became of operations that this replica had simulated. */
export interface OutcomeCounts {
  readonly committed: number;
  readonly changed: number;
  readonly aborted: number;
  /** How many of them came to something else than simulated: a number from 0 to 1. */
  readonly misSimulated: number;
}

type OutcomesEvent = Extract<MachineEvent, { readonly kind: 'outcomes' }>;

/** Brings together what this replica holds and what came out in the agreed order. */
export class Reconciliation {
  readonly #outbox: SessionOutbox;
  readonly #machine: SessionMachine;
  readonly #view: PendingView;
  readonly #held: HeldSessions;
  readonly #finals: Finals;
  readonly #statuses: Statuses;
  readonly #submissions: Submissions;
  readonly #counts = { committed: 0, changed: 0, aborted: 0 };
  #different = 0;

  constructor(parts: {
    readonly outbox: SessionOutbox;
    readonly machine: SessionMachine;
    readonly view: PendingView;
    readonly held: HeldSessions;
    readonly finals: Finals;
    readonly statuses: Statuses;
    readonly submissions: Submissions;
  }) {
    this.#outbox = parts.outbox;
    this.#machine = parts.machine;
    this.#view = parts.view;
    this.#held = parts.held;
    this.#finals = parts.finals;
    this.#statuses = parts.statuses;
    this.#submissions = parts.submissions;
  }

  get counts(): OutcomeCounts {
    const { committed, changed, aborted } = this.#counts;
    const all = Math.max(1, committed + changed + aborted);
    return { committed, changed, aborted, misSimulated: this.#different / all };
  }

  /** What this replica had simulated of an outcome. */
  simulated({ session, sequence, head, result }: OperationOutcome): Simulated {
    const held = this.#held.get(session)?.operations.get(sequence);
    if (held?.head !== head) return 'nothing';
    return isSame(held.result, result) ? 'same' : held.result;
  }

  isPromised({ session, sequence }: OperationOutcome): boolean {
    return this.#held.get(session)?.operations.get(sequence)?.receipt !== undefined;
  }

  /** The machine has come to these. */
  onOutcomes({ statement, outcomes, submitters }: OutcomesEvent): void {
    this.#finals.add(statement, outcomes, submitters);
    for (const { session, sequence } of outcomes) {
      const held = this.#held.get(session);
      if (held) this.#view.remove(held.header.application, { session, sequence });
    }
  }

  /** They can be proved: they are final, and clients receive them. */
  onProved(position: number, outcomes: readonly OperationOutcome[]): void {
    for (const { session, sequence, head } of outcomes) {
      const status = this.#finals.statusOf(position, session, sequence);
      if (status) {
        this.#count(status);
        this.#outbox.tell(session, { kind: 'operation', sequence, status });
      }
      const held = this.#held.get(session);
      const operation = held?.operations.get(sequence);
      if (!held || !operation) continue;
      if (operation.head === head) this.#remove(held, operation);
      else this.drop(held);
    }
  }

  /** What is held may have become final, or impossible, without this replica: it was away. */
  reconcile(): void {
    for (const held of this.#held.values()) {
      const entry = this.#machine.table.get(held.id);
      const last = entry && held.operations.get(entry.next - 1);
      if (entry && last && last.head !== entry.head) this.drop(held);
      else if (entry) this.#settle(held, entry.open);
    }
  }

  /** The order will never take these: it has others in their place. */
  drop(held: HeldSession): void {
    this.#outbox.log('warn', 'session-dropped', { session: held.id });
    for (const operation of held.from(1)) this.#remove(held, operation);
  }

  /** Operations before this number are final. */
  #settle(held: HeldSession, open: number): void {
    const { header, id: session } = held;
    for (const operation of held.from(1)) {
      const { sequence } = operation;
      if (sequence >= open) return;
      this.#view.remove(header.application, { session, sequence });
      const position = this.#statuses.positionOf(session, sequence);
      if (position !== undefined && !this.#finals.isProved(position)) this.#finals.want(position);
      else this.#remove(held, operation);
    }
  }

  #count({ kind, result, simulated }: ProvedStatus): void {
    if (!simulated) return;
    this.#counts[kind] += 1;
    if (!isSame(simulated, result)) this.#different += 1;
  }

  #remove(held: HeldSession, operation: HeldOperation): void {
    this.#held.remove(held, operation);
    if (held.operations.size === 0) this.#submissions.forget(held.id);
  }
}

function isSame(a: CallResult, b: CallResult): boolean {
  if (a.kind === 'done') return b.kind === 'done' && a.result === b.result;
  return b.kind === 'rejected' && a.reason === b.reason;
}
