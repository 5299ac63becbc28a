import type { Digest, ReplicaId, TransactionId } from '../../vocabulary/ids.js';
import type { VoteStatement } from '../../vocabulary/statements.js';
import type { CoordinatorInput, CoordinatorOutput } from './coordinator-messages.js';

/** Inputs of one participant or initiator that wait for answers at the same time. */
const WAITING_OF_ONE_PARTY_MAX = 256;

/** What may come about a transaction that is not on record here. */
export type Inquirer = Extract<CoordinatorInput, { kind: 'register' | 'complete' | 'vote' }>;

interface Inquiry {
  readonly question: Digest;
  readonly waiting: Inquirer[];
  readonly unknownAt: Set<ReplicaId>;
}

export interface InquiriesOptions {
  readonly quorum: number;
  /** How long the other replicas have to answer. */
  readonly patienceMs: number;
  /** Whether this replica's own word counts: had it ever known of the transaction, it still would. */
  readonly isSure: (tid: TransactionId) => boolean;
  /** A fresh question each time. */
  readonly question: () => Digest;
  readonly output: (output: CoordinatorOutput) => void;
}

/**
 * Inputs about transactions that this replica has no record of.
 *
 * It may just have missed the activation, so it must not presume abort by itself: with one liar it
 * would make up the `f + 1` matching answers that a participant acts on. A correct participant has
 * prepared only what it is registered for at a quorum. So its transaction is unknown only once a
 * quorum, this replica included, says so in answer to a question that is younger than its vote
 * (protocols.md 1.7).
 */
export class Inquiries {
  readonly #options: InquiriesOptions;
  readonly #open = new Map<TransactionId, Inquiry>();
  readonly #waitingOf = new Map<string, number>();

  constructor(options: InquiriesOptions) {
    this.#options = options;
  }

  /** Keeps the input until the transaction is known, and asks the others for it. */
  wait(tid: TransactionId, input: Inquirer): void {
    const party = partyOf(input);
    const count = this.#waitingOf.get(party) ?? 0;
    if (count >= WAITING_OF_ONE_PARTY_MAX) return this.#answer(input, 'busy');
    this.#waitingOf.set(party, count + 1);
    const inquiry = this.#open.get(tid) ?? this.#begin(tid);
    inquiry.waiting.push(input);
    const { question } = inquiry;
    const message = { kind: 'fetch-transaction', tid, question } as const;
    this.#options.output({ kind: 'broadcast', message });
    this.#resolveIfUnknown(tid, inquiry);
  }

  /** A peer has no record, says its answer to a question. */
  onUnknown(tid: TransactionId, question: Digest, replica: ReplicaId): void {
    const inquiry = this.#open.get(tid);
    if (inquiry?.question !== question) return;
    inquiry.unknownAt.add(replica);
    this.#resolveIfUnknown(tid, inquiry);
  }

  /** The transaction is known now. Returns what waited for it. */
  take(tid: TransactionId): readonly Inquirer[] {
    const waiting = this.#open.get(tid)?.waiting ?? [];
    if (this.#open.delete(tid)) this.#options.output({ kind: 'stop-timer', name: timerOf(tid) });
    for (const input of waiting) {
      const party = partyOf(input);
      const left = (this.#waitingOf.get(party) ?? 0) - 1;
      if (left > 0) this.#waitingOf.set(party, left);
      else this.#waitingOf.delete(party);
    }
    return waiting;
  }

  /** Returns false where the timer is none of these. */
  onTimer(name: string): boolean {
    if (!name.startsWith(TIMER)) return false;
    const tid = name.slice(TIMER.length) as TransactionId;
    for (const input of this.take(tid)) this.#answer(input, 'no answer');
    return true;
  }

  #begin(tid: TransactionId): Inquiry {
    const question = this.#options.question();
    const inquiry: Inquiry = { question, waiting: [], unknownAt: new Set() };
    this.#open.set(tid, inquiry);
    const delayMs = this.#options.patienceMs;
    this.#options.output({ kind: 'start-timer', name: timerOf(tid), delayMs });
    return inquiry;
  }

  #resolveIfUnknown(tid: TransactionId, { unknownAt }: Inquiry): void {
    const own = this.#options.isSure(tid) ? 1 : 0;
    if (unknownAt.size + own < this.#options.quorum) return;
    for (const input of this.take(tid)) this.#answer(input, 'unknown');
  }

  /** Only the word of a quorum is passed on; without it there is silence, or a refusal. */
  #answer(input: Inquirer, why: 'unknown' | 'busy' | 'no answer'): void {
    const { output } = this.#options;
    switch (input.kind) {
      case 'register': {
        const { replyId } = input;
        const reason = `no such transaction here (${why})`;
        return output({ kind: 'refused', replyId, fault: 'CannotRegisterParticipant', reason });
      }
      case 'complete': {
        if (why !== 'unknown') return;
        const { tid, initiator } = input.statement.statement;
        return output({ kind: 'fault-initiator', initiator, tid, fault: 'UnknownTransaction' });
      }
      case 'vote': {
        const vote = input.statement.statement;
        const { source } = input;
        if (why !== 'unknown' || vote.vote !== 'prepared' || source === undefined) return;
        const answer = isVolatile(vote) ? 'UnknownTransaction' : 'Rollback';
        return output({ kind: 'answer-unknown', vote, answer, source });
      }
    }
  }
}

const TIMER = 'inquiry/';

function timerOf(tid: TransactionId): string {
  return `${TIMER}${tid}`;
}

function partyOf({ statement }: Inquirer): string {
  const said = statement.statement;
  return said.kind === 'completion' ? `initiator ${said.initiator}` : said.participant;
}

/** Our participants name their volatile enlistments so; the vote itself does not tell. */
function isVolatile({ enlistment }: VoteStatement): boolean {
  return enlistment.includes('.V-');
}
