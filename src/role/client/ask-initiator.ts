import { setTimeout as sleep } from 'node:timers/promises';
import { resendDelayMs } from '../../core/effects.js';
import { endpoint } from '../../edge/soap/addressing.js';
import { readTransferResponse } from '../../edge/soap/banking.js';
import { ReceivedFault, type SoapClient } from '../../edge/soap/client.js';
import type { Principal } from '../../edge/soap/principal.js';
import { SoapTransportError } from '../../edge/soap/transport.js';
import type { XmlElement } from '../../edge/soap/xml.js';
import type { InitiatorMember, Timing } from '../../vocabulary/cluster.js';
import type { FinalWord } from './matching.js';

export interface Question {
  readonly client: SoapClient;
  readonly timing: Timing;
  /** The initiators' port that is asked, one that answers as to a transfer. */
  readonly port: { readonly path: string; readonly action: string };
  readonly headers: readonly XmlElement[];
  readonly body: XmlElement;
  /** Milliseconds since 1970. */
  readonly deadlineMs: number;
  /** Aborted when the answer is no longer of interest. */
  readonly settled: AbortSignal;
  /** Told why an attempt came to nothing. */
  readonly onProblem: (problem: string) => void;
}

/** Characters that are kept of what an initiator says for people. */
const wordLengthMax = 300;

/** Faults that say nothing of what became of the request: a later one was taken, or this is forgotten. */
const tooOldCodes: ReadonlySet<string> = new Set(['StaleRequest', 'TooOld']);

/** An attempt is given up, and the next one made, after so many times the time for a vote. */
const patience = 2;

/**
 * Asks one initiator, again and again with the same request, until it has a final word. `undefined`
 * when the time is over or the answer no longer of interest.
 */
export async function askInitiator(
  initiator: InitiatorMember,
  question: Question,
): Promise<FinalWord | undefined> {
  const { timing, deadlineMs, settled, onProblem } = question;
  for (let attempt = 0; !settled.aborted && Date.now() < deadlineMs; attempt += 1) {
    const word = await askOnce(initiator, question).catch((error: unknown) => {
      onProblem(problemOf(error));
      return undefined;
    });
    if (word !== undefined) return word;
    const delayMs = Math.min(
      resendDelayMs(timing.resendAfterMs, attempt),
      Math.max(0, deadlineMs - Date.now()),
    );
    await sleep(delayMs, undefined, { signal: settled }).catch(() => undefined);
  }
  return undefined;
}

/** Throws where another attempt is worth it. */
async function askOnce(initiator: InitiatorMember, question: Question): Promise<FinalWord> {
  const { client, timing, port, headers, body, deadlineMs } = question;
  const timeoutMs = Math.min(deadlineMs - Date.now(), patience * timing.voteTimeoutMs);
  try {
    const reply = await client.request(endpoint(`${initiator.url}${port.path}`), {
      action: port.action,
      headers,
      body,
      timeoutMs: Math.max(1, timeoutMs),
    });
    requireFrom(initiator, reply.principal);
    return { kind: 'outcome', result: readTransferResponse(reply.body) };
  } catch (error) {
    // A receiver's fault is for now; a sender's fault stays one however often the message is sent.
    if (!(error instanceof ReceivedFault) || error.soapCode === 'Receiver') throw error;
    requireFrom(initiator, error.principal);
    const fault = `${error.code}: ${error.reason}`.slice(0, wordLengthMax);
    return { kind: 'refusal', fault, isTooOld: tooOldCodes.has(error.code) };
  }
}

function requireFrom(initiator: InitiatorMember, principal: Principal): void {
  if (principal.role !== 'initiator' || principal.id !== initiator.id) {
    throw new SoapTransportError('bad-reply', initiator.url, `signed by ${principal.name}`);
  }
}

/** Whatever an initiator sends, it is that initiator's failure and does not end the request. */
function problemOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, wordLengthMax);
}
