import { randomUUID } from 'node:crypto';
import { anonymous, type EndpointReference, none, referenceParameterBlocks } from './addressing.js';
import type { MemberLinks } from './compact/member-links.js';
import { readEnvelope, type SoapMessage } from './envelope.js';
import { readFault } from './fault-body.js';
import { type FaultData, SoapFault } from './faults.js';
import type { PostAnswer } from './http-exchange.js';
import type { MessageSigner } from './signing.js';
import { type OnSent, SoapTransport, SoapTransportError } from './transport.js';
import type { AddressPolicy, Principal } from './trust.js';
import type { MessageVerifier, ReceivedMessage } from './verification.js';
import type { SoapVersion } from './vocabulary.js';
import type { XmlElement } from './xml.js';

export interface SoapClientOptions {
  readonly signer: MessageSigner;
  /** Checks replies. */
  readonly verifier: MessageVerifier;
  /** Every address is held against it before it is called. */
  readonly addresses: AddressPolicy;
  readonly onSent?: OnSent | undefined;
  /** Messages to members go there where the way is open: nothing is signed, and `onSent` sees nothing of them. */
  readonly links?: MemberLinks | undefined;
}

export interface Outgoing {
  /** The `wsa:Action`. */
  readonly action: string;
  readonly body: XmlElement;
  /** Header blocks besides addressing, reference parameters and security. */
  readonly headers?: readonly XmlElement[] | undefined;
  /** 1.2 where not given. */
  readonly version?: SoapVersion | undefined;
}

export interface OutgoingRequest extends Outgoing {
  readonly timeoutMs: number;
}

export interface OutgoingNotification extends Outgoing {
  /** The sender's own endpoint; needed where an answer may come (WS-AT: all but the last message). */
  readonly from?: EndpointReference | undefined;
  /** The id of the message that this one answers. */
  readonly relatesTo?: string | undefined;
  /** 10 s where not given. */
  readonly timeoutMs?: number | undefined;
}

/**
 * A fault received as the reply to a request, and its signer.
 *
 * @example
 * ```ts
 * import { accountId, participantId, ReceivedFault, type TransferClient } from 'concordat/client';
 *
 * // Whether the bank has the account.
 * export async function hasAccount(client: TransferClient, name: string): Promise<boolean> {
 *   try {
 *     await client.getBalance(participantId('bank-a'), accountId(name));
 *     return true;
 *   } catch (error) {
 *     if (error instanceof ReceivedFault && error.code === 'UnknownAccount') return false;
 *     throw error;
 *   }
 * }
 * ```
 */
export class ReceivedFault extends SoapFault {
  override readonly data: FaultData & { readonly principal: Principal };

  constructor(fault: SoapFault, principal: Principal) {
    super({ code: fault.code, ...fault.data });
    this.data = { ...fault.data, principal };
  }
}

const notificationTimeoutMs = 10_000;

/** Sends signed messages and checks the signed replies. */
export class SoapClient {
  readonly #options: SoapClientOptions;
  readonly #transport: SoapTransport;

  constructor(options: SoapClientOptions) {
    this.#options = options;
    this.#transport = new SoapTransport(options.addresses, options.onSent);
  }

  /**
   * Sends a request and waits for the reply on the same connection. The reply is signed by its
   * `principal`; whether that is the party that was asked is for the caller to judge. Throws
   * `ReceivedFault` where a fault comes back, else `SoapTransportError`.
   */
  async request(target: EndpointReference, request: OutgoingRequest): Promise<ReceivedMessage> {
    const message = this.#compose(target, request, { replyTo: anonymous });
    const { reply, status } = await this.#exchange(message, request.timeoutMs);
    if (reply.addressing.relatesTo !== message.addressing.messageId) {
      throw new SoapTransportError('bad-reply', target.address, 'it answers another message');
    }
    const fault = readFault(reply);
    if (fault !== undefined) throw new ReceivedFault(fault, reply.principal);
    if (status !== 200) throw statusError(message, { status, text: '' });
    return reply;
  }

  /** Sends a one-way message. Throws `SoapTransportError` unless it is taken (HTTP 200 or 202). */
  async notify(target: EndpointReference, notification: OutgoingNotification): Promise<void> {
    const { from, relatesTo, timeoutMs = notificationTimeoutMs } = notification;
    const message = this.#compose(target, notification, { replyTo: none, from, relatesTo });
    const link = this.#options.links?.to(target.address);
    const answer = link
      ? { ...(await link.post(message, timeoutMs)), text: '' }
      : await this.#post(message, timeoutMs);
    if (answer.status !== 200 && answer.status !== 202) throw statusError(message, answer);
  }

  /** Whether the policy lets messages go to the address. */
  mayCall(address: string): boolean {
    return this.#options.addresses.allows(address);
  }

  /** Closes the connections; what is under way fails. */
  async close(): Promise<void> {
    this.#options.links?.close();
    await this.#transport.close();
  }

  #compose(
    target: EndpointReference,
    { action, body, headers = [], version = '1.2' }: Outgoing,
    way: Pick<SoapMessage['addressing'], 'replyTo' | 'from' | 'relatesTo'>,
  ): SoapMessage {
    return {
      version,
      addressing: { to: target.address, action, messageId: newMessageId(), ...way },
      headers: [...referenceParameterBlocks(target), ...headers],
      body,
    };
  }

  async #post(message: SoapMessage, timeoutMs: number): Promise<PostAnswer> {
    const { to = '', action } = message.addressing;
    const text = this.#options.signer.sign(message);
    return this.#transport.post({ address: to, version: message.version, action, text, timeoutMs });
  }

  async #exchange(
    request: SoapMessage,
    timeoutMs: number,
  ): Promise<{ readonly reply: ReceivedMessage; readonly status: number }> {
    const { to = '' } = request.addressing;
    const link = this.#options.links?.to(to);
    if (link === undefined) {
      const answer = await this.#post(request, timeoutMs);
      return { reply: this.#verify(request, answer), status: answer.status };
    }
    const { status, message, principal } = await link.post(request, timeoutMs);
    if (message === undefined) throw statusError(request, { status, text: '' });
    return { reply: { ...message, principal }, status };
  }

  #verify(request: SoapMessage, answer: PostAnswer): ReceivedMessage {
    try {
      return this.#options.verifier.verify(answer.text);
    } catch (error) {
      if (!(error instanceof SoapFault)) throw error;
      if (answer.status !== 200) throw statusError(request, answer);
      throw new SoapTransportError('bad-reply', request.addressing.to ?? '', error.message);
    }
  }
}

/** A new `wsa:MessageID`. */
export function newMessageId(): string {
  return `urn:uuid:${randomUUID()}`;
}

function statusError({ addressing }: SoapMessage, { status, text }: PostAnswer) {
  const fault = unsignedFault(text);
  const what = fault === undefined ? `status ${status}` : `status ${status}, ${fault.message}`;
  return new SoapTransportError('http-status', addressing.to ?? '', what, status);
}

/** What an answer that nobody signed says went wrong: for people to read, not to act on. */
function unsignedFault(text: string): SoapFault | undefined {
  try {
    return readFault(readEnvelope(text));
  } catch {
    return undefined;
  }
}
