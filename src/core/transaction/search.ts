import type { Digest, TransactionId } from '../../vocabulary/ids.js';
import type { CoordinatorOutput } from './coordinator-messages.js';

/** Transactions that a replica searches for at a time: more than can be undecided. */
const SEARCHES_MAX = 8192;
const TIMER = 'search/';

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
    output({ kind: 'start-timer', name: `${TIMER}${tid}`, delayMs: answerMs });
  }

  /** Returns false where the timer is none of these. */
  onTimer(name: string): boolean {
    if (!name.startsWith(TIMER)) return false;
    this.#asked.delete(name.slice(TIMER.length) as TransactionId);
    return true;
  }

  /** It may be asked for again before its time. */
  #dropOldest(): void {
    const [oldest] = this.#asked;
    if (this.#asked.size <= SEARCHES_MAX || oldest === undefined) return;
    this.#asked.delete(oldest);
    this.#options.output({ kind: 'stop-timer', name: `${TIMER}${oldest}` });
  }
}
