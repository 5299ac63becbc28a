import { type EndpointReference, none, referenceParameterBlocks } from './addressing.js';
import { newMessageId, type OutgoingNotification } from './client.js';
import type { ClientTls } from './client-tls.js';
import { writeEnvelope } from './envelope.js';
import { type OnSent, SoapTransport, SoapTransportError } from './transport.js';
import type { AddressPolicy } from './trust.js';

export interface PlainClientOptions {
  /** Every address is held against it before it is called. */
  readonly addresses: AddressPolicy;
  readonly onSent?: OnSent | undefined;
  readonly tls?: ClientTls | undefined;
}

const notificationTimeoutMs = 10_000;

/** Sends one-way messages that nobody signs, to software that knows no signatures. */
export class PlainClient {
  readonly #addresses: AddressPolicy;
  readonly #transport: SoapTransport;

  constructor({ addresses, onSent, tls }: PlainClientOptions) {
    this.#addresses = addresses;
    this.#transport = new SoapTransport(addresses, onSent, tls);
  }

  /** Throws `SoapTransportError` unless the message is taken (HTTP 200 or 202). */
  async notify(
    target: EndpointReference,
    {
      action,
      body,
      headers = [],
      version = '1.2',
      from,
      relatesTo,
      timeoutMs = notificationTimeoutMs,
    }: OutgoingNotification,
  ): Promise<void> {
    const { address } = target;
    const text = writeEnvelope({
      version,
      addressing: {
        ...{ to: address, action, messageId: newMessageId() },
        ...{ replyTo: none, from, relatesTo },
      },
      headers: [...referenceParameterBlocks(target), ...headers],
      body,
    });
    const answer = await this.#transport.post({ address, version, action, text, timeoutMs });
    if (answer.status !== 200 && answer.status !== 202) {
      throw new SoapTransportError(
        'http-status',
        address,
        `status ${answer.status}`,
        answer.status,
      );
    }
  }

  /** Whether the policy lets messages go to the address. */
  mayCall(address: string): boolean {
    return this.#addresses.allows(address);
  }

  /** Closes the connections; what is under way fails. */
  async close(): Promise<void> {
    await this.#transport.close();
  }
}
