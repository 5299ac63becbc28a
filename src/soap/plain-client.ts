import { type EndpointReference, none, referenceParameterBlocks } from './addressing.js';
import { newMessageId, type OutgoingNotification } from './client.js';
import type { ClientTls } from './client-tls.js';
import { type SoapMessage, writeEnvelope } from './envelope.js';
import { type OnSent, SoapTransport, SoapTransportError } from './transport.js';
import type { AddressPolicy } from './trust.js';

export interface PlainClientOptions {
  /** Every address is held against it before it is called. */
  readonly addresses: AddressPolicy;
  readonly onSent?: OnSent | undefined;
  readonly tls?: ClientTls | undefined;
  /** Writes the message for the address that it goes to; without protection unless given. */
  readonly write?: ((message: SoapMessage, address: string) => string) | undefined;
}

const notificationTimeoutMs = 10_000;

/** Sends one-way messages to software that is no node of a cluster. */
export class PlainClient {
  readonly #addresses: AddressPolicy;
  readonly #transport: SoapTransport;
  readonly #write: NonNullable<PlainClientOptions['write']>;

  constructor({ addresses, onSent, tls, write = writeEnvelope }: PlainClientOptions) {
    this.#addresses = addresses;
    this.#write = write;
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
    const addressing = {
      ...{ to: address, action, messageId: newMessageId() },
      ...{ replyTo: none, from, relatesTo },
    };
    const blocks = [...referenceParameterBlocks(target), ...headers];
    const text = this.#write({ version, addressing, headers: blocks, body }, address);
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
