import { setTimeout as sleep } from 'node:timers/promises';
import type { InitiatorMember } from '../../vocabulary/cluster.js';
import { askInitiator, type Question } from './ask-initiator.js';
import { type FinalWord, ReplyMatcher, type TransferResult } from './matching.js';
import type { Ticket } from './ticket.js';
import { TransferError, type TransferErrorCode } from './transfer-error.js';
import type { Turns } from './turns.js';

export interface PollOptions {
  /** `f + 1`: so many are asked at first, and so many must say the same. */
  readonly needed: number;
  readonly turns: Turns<InitiatorMember>;
  readonly question: Omit<Question, 'settled' | 'onProblem'>;
  /** By what the client asks again, where it can. */
  readonly request?: Ticket;
  /** Aborted where the answer is no longer of interest: no more is asked then. */
  readonly signal?: AbortSignal;
}

/** How much later than the deadline the client gives up where an attempt does not end in time. */
const graceMs = 50;

/**
 * One request to the initiators: to `f + 1` of them, and to all as soon as one of those fails, they
 * differ, or one retransmission delay is over.
 */
export class Poll {
  readonly #options: PollOptions;
  readonly #first: readonly InitiatorMember[];
  readonly #others: readonly InitiatorMember[];
  readonly #matcher: ReplyMatcher;
  readonly #heard = new Set<InitiatorMember>();
  /** What each said, or how it failed; for people. */
  readonly #said = new Map<InitiatorMember, string>();
  readonly #settled = new AbortController();
  readonly #trouble = new AbortController();

  constructor(options: PollOptions) {
    this.#options = options;
    const { needed, turns } = options;
    const line = turns.take();
    this.#first = line.slice(0, needed);
    this.#others = line.slice(needed);
    this.#matcher = new ReplyMatcher(needed, line.length);
  }

  /** Throws `TransferError` where no `f + 1` initiators say the same in time. */
  run(): Promise<TransferResult> {
    const result = new Promise<TransferResult>((resolve, reject) => {
      const ask = (initiator: InitiatorMember) => this.#ask(initiator, resolve, reject);
      const hesitation = this.#hesitate();
      const asked = [
        ...this.#first.map(ask),
        ...this.#others.map((initiator) => hesitation.then(() => ask(initiator))),
      ];
      const tooLate = () => reject(this.#error('timeout', 'too few initiators answered in time'));
      // Whatever an attempt waits for, the deadline holds.
      const leftMs = Math.max(0, this.#options.question.deadlineMs - Date.now());
      sleep(leftMs + graceMs, undefined, { signal: this.#settled.signal }).then(tooLate, () => {});
      Promise.all(asked).then(tooLate, reject);
    });
    return this.#orUntilAborted(result).finally(() => this.#settled.abort());
  }

  #orUntilAborted(result: Promise<TransferResult>): Promise<TransferResult> {
    const { signal } = this.#options;
    if (signal === undefined) return result;
    return new Promise((resolve, reject) => {
      const giveUp = () => reject(this.#error('timeout', 'given up'));
      if (signal.aborted) giveUp();
      signal.addEventListener('abort', giveUp);
      const leave = () => signal.removeEventListener('abort', giveUp);
      result.then(resolve, reject).finally(leave);
    });
  }

  /** Until the time is over or one of the first is in trouble. */
  async #hesitate(): Promise<void> {
    const signal = AbortSignal.any([this.#settled.signal, this.#trouble.signal]);
    const { question, turns } = this.#options;
    const timeIsUp = await sleep(question.timing.resendAfterMs, true, { signal }).catch(
      () => false,
    );
    if (!timeIsUp) return;
    for (const one of this.#first) if (!this.#heard.has(one)) turns.wasLate(one);
  }

  async #ask(
    initiator: InitiatorMember,
    resolve: (result: TransferResult) => void,
    reject: (error: TransferError) => void,
  ): Promise<void> {
    const { question, turns } = this.#options;
    const onProblem = (problem: string) => {
      this.#said.set(initiator, problem);
      turns.wasLate(initiator);
      this.#trouble.abort();
    };
    const settled = this.#settled.signal;
    const word = await askInitiator(initiator, { ...question, settled, onProblem });
    if (word === undefined) return;
    turns.answered(initiator);
    const verdict = this.#take(initiator, word);
    if (verdict.kind === 'result') resolve(verdict.result);
    if (verdict.kind === 'refused') {
      const code = verdict.isTooOld ? 'too-old' : 'refused';
      reject(this.#error(code, `the initiators refused: ${verdict.fault}`, []));
    }
    if (verdict.kind === 'disagreement') {
      reject(this.#error('disagreement', 'the initiators disagree'));
    }
  }

  #error(code: TransferErrorCode, message: string, details = this.#details): TransferError {
    return new TransferError(code, message, { details, request: this.#options.request });
  }

  #take(initiator: InitiatorMember, word: FinalWord) {
    this.#heard.add(initiator);
    this.#said.set(initiator, word.kind === 'refusal' ? word.fault : word.result.outcome);
    if (this.#heard.size >= this.#options.needed) this.#trouble.abort();
    return this.#matcher.add(initiator.id, word);
  }

  get #details(): string[] {
    return [...this.#said].map(([{ name }, what]) => `${name}: ${what}`);
  }
}
