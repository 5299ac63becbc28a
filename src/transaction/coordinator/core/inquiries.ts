import type { VoteStatement } from '../../../agreement/statements.js';
import type { Digest, ReplicaId, TransactionId } from '../../../kernel/ids.js';
import { protocolOf } from '../../enlistment-name.js';
import { coordinatorTable, transition } from '../../state-tables.js';
import type { CoordinatorInput, CoordinatorOutput } from './messages.js';
import { type CoordinatorTimer, startTimer, stopTimer } from './timers.js';

/** Inputs of one participant or initiator that wait for answers at the same time. */
const WAITING_OF_ONE_PARTY_MAX = 256;
/** An input waits for so many questions. */
const ROUNDS_MAX = 4;

/** What may come about a transaction that is not on record here. */
export type Inquirer = Extract<CoordinatorInput, { kind: 'register' | 'complete' | 'vote' }>;

interface Inquiry {
  question: Digest;
  /** Came before the question: its answers count for these. */
  waiting: Inquirer[];
  /** Came after it, and wait for the next question. */
  next: Inquirer[];
  readonly unknownAt: Set<ReplicaId>;
  rounds: number;
}

export interface InquiriesOptions {
  readonly quorum: number;
  /** How long the other replicas have to answer a question before the next one. */
  readonly answerMs: number;
  /** Whether this replica's own answer counts: had it ever known of the transaction, it still would. */
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
 * (protocols.md 1.7). Each input waits for a question that is asked after it came; there is one question at a
 * time for each transaction, and the next not before the time for answers is up, however many ask.
 */
export class Inquiries {
  readonly #options: InquiriesOptions;
  readonly #open = new Map<TransactionId, Inquiry>();
  readonly #waitingOf = new Map<string, number>();
  /** Questions asked afresh since this process started. */
  repeated = 0;

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
    if (inquiry.rounds > 0 || inquiry.waiting.length > 0) return void inquiry.next.push(input);
    inquiry.waiting.push(input);
    this.#ask(tid, inquiry);
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
    const { waiting = [], next = [] } = this.#open.get(tid) ?? {};
    if (this.#open.delete(tid)) this.#options.output(stopTimer(timerOf(tid)));
    return this.#released([...waiting, ...next]);
  }

  #released(inputs: readonly Inquirer[]): readonly Inquirer[] {
    for (const input of inputs) {
      const party = partyOf(input);
      const left = (this.#waitingOf.get(party) ?? 0) - 1;
      if (left > 0) this.#waitingOf.set(party, left);
      else this.#waitingOf.delete(party);
    }
    return inputs;
  }

  /** The other replicas have had their time to answer. */
  onTimer(tid: TransactionId): void {
    const inquiry = this.#open.get(tid);
    if (!inquiry) return;
    if (inquiry.rounds < ROUNDS_MAX || inquiry.waiting.length === 0)
      return this.#askAgain(tid, inquiry);
    for (const input of this.#released(inquiry.waiting.splice(0))) this.#answer(input, 'no answer');
    this.#askAgain(tid, inquiry);
  }

  /** With no answers, for all that came meanwhile, too. */
  #askAgain(tid: TransactionId, inquiry: Inquiry): void {
    if (inquiry.waiting.length === 0) inquiry.rounds = 0;
    inquiry.waiting.push(...inquiry.next.splice(0));
    if (inquiry.waiting.length === 0) {
      this.#open.delete(tid);
      return;
    }
    this.repeated += 1;
    inquiry.question = this.#options.question();
    inquiry.unknownAt.clear();
    this.#ask(tid, inquiry);
  }

  #ask(tid: TransactionId, inquiry: Inquiry): void {
    inquiry.rounds += 1;
    const { question } = inquiry;
    const message = { kind: 'fetch-transaction', tid, question } as const;
    this.#options.output({ kind: 'broadcast', message });
    this.#options.output(startTimer(timerOf(tid), this.#options.answerMs));
    this.#resolveIfUnknown(tid, inquiry);
  }

  #begin(tid: TransactionId): Inquiry {
    const question = this.#options.question();
    const inquiry: Inquiry = { question, waiting: [], next: [], unknownAt: new Set(), rounds: 0 };
    this.#open.set(tid, inquiry);
    return inquiry;
  }

  #resolveIfUnknown(tid: TransactionId, { unknownAt, waiting, next }: Inquiry): void {
    const own = this.#options.isSure(tid) ? 1 : 0;
    if (unknownAt.size + own < this.#options.quorum) return;
    // Where others wait, the timer asks for them; before that no question is asked.
    if (next.length === 0) this.take(tid);
    for (const input of this.#released(waiting.splice(0))) this.#answer(input, 'unknown');
  }

  /** Only the answer of a quorum is passed on; without it there is silence, or a refusal. */
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
        return output({ kind: 'answer-unknown', vote, answer: answerTo(vote), source });
      }
    }
  }
}

function timerOf(tid: TransactionId): CoordinatorTimer {
  return { kind: 'inquiry', tid };
}

function partyOf({ statement }: Inquirer): string {
  const said = statement.statement;
  return said.kind === 'completion' ? `initiator ${said.initiator}` : said.participant;
}

/** To Prepared where there is no such transaction, by the standard's table. */
function answerTo({ enlistment }: VoteStatement): 'Rollback' | 'UnknownTransaction' {
  const step = transition(coordinatorTable, 'None', 'prepared', protocolOf(enlistment));
  const isRollback = step !== 'impossible' && step.actions.includes('send Rollback');
  return isRollback ? 'Rollback' : 'UnknownTransaction';
}

/** Transactions that a replica searches for at a time: more than can be undecided. */
const SEARCHES_MAX = 8192;

export interface SearchOptions {
  /** How long the other replicas have to answer. */
  readonly answerMs: number;
  readonly question: () => Digest;
  readonly output: (output: CoordinatorOutput) => void;
}

/**
 * Asks the other replicas for transactions that their messages speak of and that are not on record here.
 * It asks once in a retransmission delay, however many messages come. An answer may be such a message
 * again: a peer that still remembers what this replica has forgotten proves an outcome that cannot be taken
 * here, and each question asked because of that would bring the next.
 */
export class Search {
  readonly #options: SearchOptions;
  readonly #asked = new Set<TransactionId>();

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  ask(tid: TransactionId): void {
    if (this.#asked.has(tid)) return;
    this.#asked.add(tid);
    this.#dropOldest();
    const { answerMs, question, output } = this.#options;
    output({
      kind: 'broadcast',
      message: { kind: 'fetch-transaction', tid, question: question() },
    });
    output(startTimer({ kind: 'search', tid }, answerMs));
  }

  /** It may be asked for again. */
  onTimer(tid: TransactionId): void {
    this.#asked.delete(tid);
  }

  /** It may be asked for again before its time. */
  #dropOldest(): void {
    const [oldest] = this.#asked;
    if (this.#asked.size <= SEARCHES_MAX || oldest === undefined) return;
    this.#asked.delete(oldest);
    this.#options.output(stopTimer({ kind: 'search', tid: oldest }));
  }
}
