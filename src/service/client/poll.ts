import type { InitiatorMember, Timing } from '../../kernel/cluster.js';
import type { Turns } from '../../kernel/patience.js';
import { endpoint } from '../../soap/addressing.js';
import { ReceivedFault, type SoapClient } from '../../soap/client.js';
import { SoapTransportError } from '../../soap/transport.js';
import type { Principal } from '../../soap/trust.js';
import type { XmlElement } from '../../soap/xml.js';
import {
  type FinalAnswer,
  PollCore,
  type PollEnding,
  type PollOutput,
  type RequestResult,
} from './poll-core.js';
import { RequestError, type Ticket } from './request-error.js';

export interface InitiatorQuestion {
  readonly client: SoapClient;
  readonly timing: Timing;
  /** The initiators' port that is asked, one that answers as to a transfer. */
  readonly port: { readonly path: string; readonly action: string };
  readonly headers: readonly XmlElement[];
  readonly body: XmlElement;
  /** Reads the answer. Throws where it is none. */
  readonly readResult: (body: XmlElement | undefined) => RequestResult;
  /** Milliseconds since 1970. */
  readonly deadlineMs: number;
}

/** Characters that are kept of what an initiator says for people. */
const wordLengthMax = 300;

/** Faults that say nothing of what became of the request: a later one was taken, or this is forgotten. */
export const tooOldCodes: ReadonlySet<string> = new Set(['StaleRequest', 'TooOld']);

/** An attempt is given up, and the next one made, after so many times the time for a vote. */
const patience = 2;

/** Asks one initiator once. Throws where another attempt is worth it. */
async function askInitiator(
  initiator: InitiatorMember,
  question: InitiatorQuestion,
): Promise<FinalAnswer> {
  const { client, timing, port, headers, body, readResult, deadlineMs } = question;
  const timeoutMs = Math.min(deadlineMs - Date.now(), patience * timing.voteTimeoutMs);
  try {
    const reply = await client.request(endpoint(`${initiator.url}${port.path}`), {
      action: port.action,
      headers,
      body,
      timeoutMs: Math.max(1, timeoutMs),
    });
    requireFrom(initiator, reply.principal);
    return { kind: 'outcome', result: readResult(reply.body) };
  } catch (error) {
    // A receiver's fault is for now; a sender's fault stays one however often the message is sent.
    if (!(error instanceof ReceivedFault) || error.data.soapCode === 'Receiver') throw error;
    requireFrom(initiator, error.data.principal);
    const fault = `${error.code}: ${error.data.reason}`.slice(0, wordLengthMax);
    return { kind: 'refusal', fault, isTooOld: tooOldCodes.has(error.code) };
  }
}

export function requireFrom(initiator: InitiatorMember, principal: Principal): void {
  if (principal.role !== 'initiator' || principal.id !== initiator.id) {
    throw new SoapTransportError('bad-reply', initiator.url, `signed by ${principal.name}`);
  }
}

export interface PollOptions {
  /** `f + 1`: so many are asked at first, and so many must say the same. */
  readonly needed: number;
  readonly turns: Turns<InitiatorMember>;
  readonly question: InitiatorQuestion;
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

  /** Throws `RequestError` where no `f + 1` initiators say the same in time. */
  async run(): Promise<RequestResult> {
    const ending = await this.#ending();
    if (ending.kind === 'result') return ending.result;
    const { code, message, ...more } = ending;
    throw new RequestError(code, message, { ...more, request: this.#options.request });
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
