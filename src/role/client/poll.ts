import type { InitiatorMember } from '../../vocabulary/cluster.js';
import { askInitiator, type Question, wordLengthMax } from './ask-initiator.js';
import type { TransferResult } from './matching.js';
import { PollCore, type PollEnding, type PollOutput } from './poll-core.js';
import type { Ticket } from './ticket.js';
import { TransferError } from './transfer-error.js';
import type { Turns } from './turns.js';

export interface PollOptions {
  /** `f + 1`: so many are asked at first, and so many must say the same. */
  readonly needed: number;
  readonly turns: Turns<InitiatorMember>;
  readonly question: Question;
  /** By what the client asks again, where it can. */
  readonly request?: Ticket;
  /** Aborted where the answer is no longer of interest: no more is asked then. */
  readonly signal?: AbortSignal;
}

type Output = PollOutput<InitiatorMember>;

/** Runs a `PollCore` with SOAP calls and the machine's clock. */
export class Poll {
  readonly #options: PollOptions;
  readonly #core: PollCore<InitiatorMember>;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: PollOptions) {
    this.#options = options;
    const { needed, turns, question } = options;
    this.#core = new PollCore({
      needed,
      turns,
      resendAfterMs: question.timing.resendAfterMs,
      timeoutMs: Math.max(0, question.deadlineMs - Date.now()),
    });
  }

  /** Throws `TransferError` where no `f + 1` initiators say the same in time. */
  async run(): Promise<TransferResult> {
    const ending = await this.#ending();
    if (ending.kind === 'result') return ending.result;
    const { code, message, ...more } = ending;
    throw new TransferError(code, message, { ...more, request: this.#options.request });
  }

  async #ending(): Promise<PollEnding> {
    const { signal } = this.#options;
    let leave = () => {};
    const ending = new Promise<PollEnding>((resolve) => {
      const perform = (outputs: readonly Output[]) => {
        for (const output of outputs) this.#perform(output, perform, resolve);
      };
      const giveUp = () => perform(this.#core.giveUp());
      leave = () => signal?.removeEventListener('abort', giveUp);
      signal?.addEventListener('abort', giveUp);
      perform(signal?.aborted ? this.#core.giveUp() : this.#core.begin());
    });
    return ending.finally(() => {
      leave();
      for (const timer of this.#timers) clearTimeout(timer);
    });
  }

  #perform(
    output: Output,
    perform: (outputs: readonly Output[]) => void,
    resolve: (ending: PollEnding) => void,
  ): void {
    switch (output.kind) {
      case 'ask': {
        const { initiator } = output;
        askInitiator(initiator, this.#options.question).then(
          (word) => perform(this.#core.answered(initiator, word)),
          (error: unknown) => perform(this.#core.failed(initiator, problemOf(error))),
        );
        return;
      }
      case 'start-timer': {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          perform(this.#core.expired(output.name));
        }, output.delayMs);
        this.#timers.add(timer);
        return;
      }
      case 'end':
        return resolve(output.ending);
    }
  }
}

/** Whatever an initiator sends, it is that initiator's failure and does not end the request. */
function problemOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, wordLengthMax);
}
