import { oneCorrect, type Resilience } from '../../vocabulary/quorum.js';
import type { SessionId } from '../../vocabulary/session.js';
import type { Finals } from './finals.js';
import type { HeldOperation } from './held.js';
import type { HeldSessions } from './held-sessions.js';
import { resultBytes } from './machine/position-limits.js';
import type { SessionTable } from './machine/session-table.js';
import type { OperationStatus } from './messages.js';

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
