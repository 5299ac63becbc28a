import { EventEmitter } from 'node:events';
import { Agent, errors } from 'undici';
import type { AddressPolicy } from './address-policy.js';
import { httpHeaders } from './http-binding.js';
import type { SoapVersion } from './vocabulary.js';

export type TransportFailure =
  /** The address is not one that this node may call. */
  | 'not-allowed'
  /** Too many requests to that origin are under way. */
  | 'busy'
  /** No answer in time. The other side may or may not have acted on the message. */
  | 'timeout'
  /** No connection, or it broke. */
  | 'refused'
  | 'too-large'
  /** An HTTP status that says that the message was not taken; `status` holds it. */
  | 'http-status'
  /** The answer is no message that may be trusted, or it answers another message. */
  | 'bad-reply';

/** A message got no SOAP answer. */
export class SoapTransportError extends Error {
  override readonly name = 'SoapTransportError';

  constructor(
    readonly code: TransportFailure,
    readonly address: string,
    what: string,
    readonly status?: number,
  ) {
    super(`${code}: ${what} (${address.slice(0, 200)})`);
  }
}

export interface Posting {
  readonly address: string;
  readonly version: SoapVersion;
  readonly action: string;
  readonly text: string;
  /** For all of it, from the call to the last byte of the answer. */
  readonly timeoutMs: number;
}

export interface PostAnswer {
  readonly status: number;
  readonly text: string;
}

/** Sees every envelope that is sent. */
export type OnSent = (text: string) => void;

/** Requests to one origin that may be under way or waiting for a connection. */
const pendingMax = 1024;
/** Connections to one origin. Each carries one request at a time. */
const connectionsMax = 256;
const connectTimeoutMs = 5000;
/** As much as a port of ours takes. */
const answerBytesMax = 1024 * 1024;

/** Posts SOAP messages over HTTP to the addresses that the policy allows, on kept connections. */
export class SoapTransport {
  readonly #addresses: AddressPolicy;
  readonly #onSent: OnSent | undefined;
  readonly #pendingByOrigin = new Map<string, number>();
  readonly #agent = new Agent({
    connections: connectionsMax,
    pipelining: 1,
    maxResponseSize: answerBytesMax,
    connect: { timeout: connectTimeoutMs },
    // The signal of each request bounds its time.
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  constructor(addresses: AddressPolicy, onSent?: OnSent) {
    this.#addresses = addresses;
    this.#onSent = onSent;
  }

  /** Throws `SoapTransportError`; any HTTP status is an answer. */
  async post(posting: Posting): Promise<PostAnswer> {
    const { address } = posting;
    if (!this.#addresses.allows(address)) {
      throw new SoapTransportError('not-allowed', address, 'no address to call');
    }
    const { origin } = new URL(address);
    const pending = this.#pendingByOrigin.get(origin) ?? 0;
    if (pending >= pendingMax) {
      throw new SoapTransportError('busy', address, `${pending} requests under way`);
    }
    this.#pendingByOrigin.set(origin, pending + 1);
    try {
      return await this.#send(posting);
    } catch (error) {
      throw failureOf(error, address);
    } finally {
      this.#pendingByOrigin.set(origin, (this.#pendingByOrigin.get(origin) ?? 1) - 1);
    }
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send({ address, version, action, text, timeoutMs }: Posting): Promise<PostAnswer> {
    const { origin, pathname, search } = new URL(address);
    this.#onSent?.(text);
    // An AbortSignal would cost a quarter of the whole exchange in processor time.
    const signal = new EventEmitter();
    const timer = setTimeout(() => signal.emit('abort'), timeoutMs);
    try {
      const { statusCode, body } = await this.#agent.request({
        origin,
        path: pathname + search,
        method: 'POST',
        headers: httpHeaders(version, action),
        body: text,
        signal,
      });
      return { status: statusCode, text: await body.text() };
    } finally {
      clearTimeout(timer);
    }
  }
}

function failureOf(error: unknown, address: string): SoapTransportError {
  const what = error instanceof Error ? error.message : String(error);
  if (error instanceof errors.ResponseExceededMaxSizeError) {
    return new SoapTransportError('too-large', address, what);
  }
  const isTimeout =
    error instanceof errors.ConnectTimeoutError ||
    (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'));
  return new SoapTransportError(isTimeout ? 'timeout' : 'refused', address, what);
}
