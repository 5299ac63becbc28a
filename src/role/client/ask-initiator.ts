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
}

/** Characters that are kept of what an initiator says for people. */
export const wordLengthMax = 300;

/** Faults that say nothing of what became of the request: a later one was taken, or this is forgotten. */
const tooOldCodes: ReadonlySet<string> = new Set(['StaleRequest', 'TooOld']);

/** An attempt is given up, and the next one made, after so many times the time for a vote. */
const patience = 2;

/** Asks one initiator once. Throws where another attempt is worth it. */
export async function askInitiator(
  initiator: InitiatorMember,
  question: Question,
): Promise<FinalWord> {
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
