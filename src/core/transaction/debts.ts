import type { OutcomeValue } from '../../vocabulary/agreement.js';
import type { ParticipantId, TransactionId } from '../../vocabulary/ids.js';
import type { CoordinatorTransaction } from './coordinator-transaction.js';
import type { Enlistment } from './enlistment.js';

/**
 * What participants owe this replica: the decided transactions in which they voted Prepared, and whose
 * outcome they have not acknowledged. Such a transaction stays on record, so a participant that owes
 * `limit` of them registers in no further one. Only that participant notices.
 */
export class Debts {
  readonly limit: number;
  readonly #owed = new Map<ParticipantId, Set<TransactionId>>();

  constructor(limit: number) {
    this.limit = limit;
  }

  isAtLimit(participant: ParticipantId): boolean {
    return (this.#owed.get(participant)?.size ?? 0) >= this.limit;
  }

  /**
   * Whether the value would have a participant owe more than the limit, by the vote of an enlistment that does not
   * count here.
   */
  isExceededBy({ records }: OutcomeValue, { enlistments }: CoordinatorTransaction): boolean {
    return records.some(({ registration, vote }) => {
      const { enlistment, participant } = registration.statement;
      if (vote?.statement.vote !== 'prepared' || enlistments.get(enlistment)?.counts) return false;
      return this.isAtLimit(participant);
    });
  }

  /** After each step of a transaction that is decided. */
  update({ tid, enlistments }: CoordinatorTransaction): void {
    const debtors = new Set<ParticipantId>();
    for (const enlistment of enlistments.values()) {
      if (isOwed(enlistment)) debtors.add(participantOf(enlistment));
    }
    for (const enlistment of enlistments.values()) {
      const participant = participantOf(enlistment);
      if (debtors.has(participant)) this.#add(participant, tid);
      else this.#delete(participant, tid);
    }
  }

  #add(participant: ParticipantId, tid: TransactionId): void {
    const owed = this.#owed.get(participant) ?? new Set();
    this.#owed.set(participant, owed.add(tid));
  }

  #delete(participant: ParticipantId, tid: TransactionId): void {
    const owed = this.#owed.get(participant);
    if (owed?.delete(tid) && owed.size === 0) this.#owed.delete(participant);
  }
}

function isOwed({ forgotten, vote }: Enlistment): boolean {
  return !forgotten && vote?.statement.vote === 'prepared';
}

function participantOf({ registration }: Enlistment): ParticipantId {
  return registration.statement.participant;
}
