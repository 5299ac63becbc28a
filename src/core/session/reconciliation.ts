import type { CallResult, HistoryStatement, OperationOutcome } from '../../vocabulary/session.js';
import type { FinalStatus, Finals } from './finals.js';
import type { HeldOperation, HeldSession } from './held.js';
import type { HeldSessions } from './held-sessions.js';
import type { SessionMachine } from './machine/machine.js';
import type { SessionOutbox } from './outbox.js';
import type { PendingView } from './pending-view.js';
import type { Simulated } from './records.js';
import type { Statuses } from './statuses.js';
import type { Submissions } from './submissions.js';

/** What became of operations that this replica had simulated. */
export interface OutcomeCounts {
  readonly committed: number;
  readonly changed: number;
  readonly aborted: number;
  /** How many of them came to something else than simulated: a number from 0 to 1. */
  readonly misSimulated: number;
}

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

  /** The machine has come to these. */
  onOutcomes(statement: HistoryStatement, outcomes: readonly OperationOutcome[]): void {
    this.#finals.add(statement, outcomes);
    for (const { session, sequence } of outcomes) {
      const held = this.#held.get(session);
      if (held) this.#view.remove(held.header.application, { session, sequence });
    }
  }

  /** They can be proved: they are final, and clients are told. */
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

  #count({ kind, result, simulated }: FinalStatus): void {
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
