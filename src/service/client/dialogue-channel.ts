import { setTimeout as rest } from 'node:timers/promises';
import type { InitiatorMember, Timing } from '../../kernel/cluster.js';
import { resendDelayMs } from '../../kernel/core.js';
import { endpoint } from '../../soap/addressing.js';
import { ReceivedFault, type SoapClient } from '../../soap/client.js';
import { SoapTransportError } from '../../soap/transport.js';
import type { XmlElement } from '../../soap/xml.js';
import { requestHeader } from '../../transaction/soap/extension.js';
import { requireFrom } from './poll.js';
import type { Ticket } from './request-error.js';

/** One message of a dialogue. Two answers of initiators are one where their texts are. */
export interface DialogueStep {
  readonly action: string;
  readonly body: XmlElement;
  /** Reads the answer. Throws where it is none. */
  readonly textOf: (body: XmlElement | undefined) => string;
  /** Reads why it was aborted, of which initiators may know more or less. */
  readonly reasonOf?: (body: XmlElement | undefined) => string | undefined;
}

/** What one initiator made of a step. */
export type StepAnswer =
  | { readonly kind: 'said'; readonly text: string; readonly reason?: string }
  /** It will not do it, however often it is asked. */
  | { readonly kind: 'refused'; readonly code: string; readonly fault: string }
  /** The time is over. */
  | { readonly kind: 'silent'; readonly problem: string };

export interface DialogueChannelOptions {
  readonly initiator: InitiatorMember;
  readonly client: SoapClient;
  readonly timing: Timing;
  /** The request that began the dialogue. */
  readonly ticket: Ticket;
}

const faultLengthMax = 300;
/** An attempt is given up, and the next one made, after so many times the time for a vote. */
const patience = 2;

/** Faults of an initiator that has not taken the steps before this one. */
const lacksSteps: ReadonlySet<string> = new Set(['UnknownDialogue', 'OutOfPlace']);

/**
 * A dialogue with one initiator: its steps one after the other, each until it is answered. An initiator that has
 * restarted knows nothing of the dialogue; all steps are sent to it again, from the first.
 */
export class DialogueChannel {
  readonly #options: DialogueChannelOptions;
  readonly #steps: DialogueStep[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: DialogueChannelOptions) {
    this.#options = options;
  }

  /** Sends the step once all before it are over. */
  send(step: DialogueStep, deadlineMs: number): Promise<StepAnswer> {
    const number = this.#steps.length;
    this.#steps.push(step);
    const answer = this.#last.then(() => this.#answerTo(number, deadlineMs));
    this.#last = answer;
    return answer;
  }

  async #answerTo(number: number, deadlineMs: number): Promise<StepAnswer> {
    const { resendAfterMs } = this.#options.timing;
    let problem = 'not asked in time';
    for (let attempts = 0; Date.now() < deadlineMs; attempts += 1) {
      try {
        return await this.#attempt(number, deadlineMs);
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
        const delayMs = resendDelayMs(resendAfterMs, attempts);
        await rest(Math.max(0, Math.min(delayMs, deadlineMs - Date.now())));
      }
    }
    return { kind: 'silent', problem: problem.slice(0, faultLengthMax) };
  }

  /** Throws where another attempt is worth it. */
  async #attempt(number: number, deadlineMs: number): Promise<StepAnswer> {
    const answer = await this.#ask(number, deadlineMs);
    if (number === 0 || answer.kind !== 'refused' || !lacksSteps.has(answer.code)) return answer;
    for (let earlier = 0; earlier < number; earlier += 1) await this.#ask(earlier, deadlineMs);
    return this.#ask(number, deadlineMs);
  }

  async #ask(number: number, deadlineMs: number): Promise<StepAnswer> {
    const { initiator, client, timing, ticket } = this.#options;
    const step = this.#steps[number];
    if (step === undefined) throw new RangeError('no such step');
    try {
      const reply = await client.request(endpoint(`${initiator.url}/dialogue`), {
        action: step.action,
        headers: [requestHeader(ticket)],
        body: step.body,
        timeoutMs: Math.max(1, Math.min(deadlineMs - Date.now(), patience * timing.voteTimeoutMs)),
      });
      requireFrom(initiator, reply.principal);
      const reason = step.reasonOf?.(reply.body);
      return { kind: 'said', text: step.textOf(reply.body), ...(reason && { reason }) };
    } catch (error) {
      if (!(error instanceof ReceivedFault)) throw error;
      if (error.data.soapCode === 'Receiver' && !lacksSteps.has(error.code)) throw error;
      if (error.data.principal.name !== initiator.name) {
        throw new SoapTransportError('bad-reply', initiator.url, 'signed by another');
      }
      const fault = `${error.code}: ${error.data.reason}`.slice(0, faultLengthMax);
      return { kind: 'refused', code: error.code, fault };
    }
  }
}
