import { Agent, errors } from 'undici';
import { costs } from '../kernel/costs.js';
import { ConcordatError, type NoData, noData } from '../kernel/error.js';
import { urlOf } from '../kernel/http/url.js';
import { remembered } from '../kernel/remembered.js';
import { type ClientTls, tlsOptions } from './client-tls.js';
import { HttpExchange, type PostAnswer } from './http-exchange.js';
import type { AddressPolicy } from './trust.js';
import type { SoapVersion } from './vocabulary.js';

/** A body that cannot be read as text. */
export class TextEncodingError extends ConcordatError<'unsupported' | 'malformed', NoData> {
  override readonly name = 'TextEncodingError';
  readonly data = noData;

  constructor(
    /** Whether the encoding is not one that we read, or the bytes are not in the encoding. */
    readonly code: 'unsupported' | 'malformed',
    message: string,
  ) {
    super(message);
  }
}

const utf8 = decoderOf('utf-8');
const utf16le = decoderOf('utf-16le');
const utf16be = decoderOf('utf-16be');
const latin1 = (bytes: Buffer): string => bytes.toString('latin1');

/** By the names that IANA and common stacks have for them, in lower case. */
const decoders: ReadonlyMap<string, (bytes: Buffer) => string> = new Map([
  ['utf-8', utf8],
  ['utf8', utf8],
  ['us-ascii', ascii],
  ['ascii', ascii],
  ['iso-8859-1', latin1],
  ['latin1', latin1],
  ['windows-1252', windows1252],
  ['cp1252', windows1252],
  ['utf-16', utf16],
  ['utf-16le', utf16le],
  ['utf-16be', utf16be],
]);

/**
 * The text of an XML document as HTTP brought it (RFC 7303 §3): a byte order mark counts first, then the
 * `charset` of the content type, then what the document declares, and UTF-8 where nothing does. Throws
 * `TextEncodingError`.
 */
export function decodeXml(bytes: Buffer, charset: string | undefined): string {
  const name = markOf(bytes) ?? charset?.toLowerCase() ?? declaredEncoding(bytes);
  const decode = decoders.get(name);
  if (decode === undefined) {
    throw new TextEncodingError(
      'unsupported',
      `The encoding "${name.slice(0, 40)}" is not supported; send UTF-8 or UTF-16.`,
    );
  }
  try {
    return decode(bytes);
  } catch {
    throw new TextEncodingError('malformed', `The message is not in ${name}, as it says it is.`);
  }
}

function markOf(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return undefined;
}

/** An encoding declaration ends well before so many bytes. */
const declarationBytesMax = 256;
const declarationForm = /^<\?xml\s[^>]*?\bencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']/;

/** XML 1.0 Appendix F, without the families of encodings that are not supported anyway. */
function declaredEncoding(bytes: Buffer): string {
  if (bytes[0] === 0x3c && bytes[1] === 0) return 'utf-16le';
  if (bytes[0] === 0 && bytes[1] === 0x3c) return 'utf-16be';
  const beginning = bytes.toString('latin1', 0, declarationBytesMax);
  const name = declarationForm.exec(beginning)?.[1]?.toLowerCase() ?? 'utf-8';
  if (name.startsWith('utf-16')) {
    throw new TextEncodingError('malformed', `The message is not in ${name}, as it says it is.`);
  }
  return name;
}

/** Without a mark it is big-endian by RFC 2781; what begins as little-endian XML is read as that. */
function utf16(bytes: Buffer): string {
  return bytes[0] === 0x3c && bytes[1] === 0 ? utf16le(bytes) : utf16be(bytes);
}

/** What stands at 0x80 to 0x9F; the rest is Latin-1. Node's own decoder reads Latin-1 throughout. */
const upper1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

function windows1252(bytes: Buffer): string {
  return latin1(bytes).replace(/[\x80-\x9f]/g, (c) => upper1252[c.charCodeAt(0) - 0x80] ?? c);
}

function ascii(bytes: Buffer): string {
  if (bytes.some((byte) => byte > 0x7f)) throw new RangeError('not ASCII');
  return bytes.toString('latin1');
}

/** Leaves a byte order mark out. Throws where the bytes are not in the encoding. */
function decoderOf(label: string): (bytes: Buffer) => string {
  const decoder = new TextDecoder(label, { fatal: true });
  return (bytes) => decoder.decode(bytes);
}

/**
 * How SOAP messages sit in HTTP: SOAP 1.1 §6 (`text/xml`, `SOAPAction`) and SOAP 1.2 Part 2 §7
 * (`application/soap+xml` with its `action` parameter).
 */

const mediaTypes: Readonly<Record<SoapVersion, string>> = {
  '1.1': 'text/xml',
  '1.2': 'application/soap+xml',
};

export const soapMediaTypes: readonly string[] = Object.values(mediaTypes);

/** The HTTP headers of a message; an empty action is left out. */
export function httpHeaders(version: SoapVersion, action: string): Record<string, string> {
  const contentType = `${mediaTypes[version]}; charset=utf-8`;
  if (version === '1.1') return { 'content-type': contentType, soapaction: `"${action}"` };
  if (action === '') return { 'content-type': contentType };
  return { 'content-type': `${contentType}; action="${action}"` };
}

/** The version that a content type stands for, or `undefined`. */
export function versionOfContentType(contentType: string | undefined): SoapVersion | undefined {
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === mediaTypes['1.1']) return '1.1';
  if (mediaType === mediaTypes['1.2']) return '1.2';
  return undefined;
}

/** The encoding that a content type names, or `undefined`. */
export function charsetOf(contentType: string): string | undefined {
  return parameterOf(contentType, 'charset');
}

/** The action that the HTTP headers name, empty where they name none. */
export function httpAction(
  version: SoapVersion,
  headers: { readonly [name: string]: string | string[] | undefined },
): string {
  if (version === '1.2') return parameterOf(headers['content-type'], 'action') ?? '';
  const { soapaction } = headers;
  return typeof soapaction === 'string' ? soapaction.trim().replace(/^"(.*)"$/, '$1') : '';
}

function parameterOf(contentType: string | string[] | undefined, name: string): string | undefined {
  return typeof contentType === 'string' ? parametersOf(contentType).get(name) : undefined;
}

/** Content types whose parameters are remembered: those of a peer are the same each time. */
const contentTypesMax = 256;

/** By names in lower case; of those that are there twice, the first. */
const parametersOf = remembered(contentTypesMax, (contentType) => {
  const found = [...contentType.matchAll(parameterForm)].map(
    ([, key = '', quoted, plain = '']) => [key.toLowerCase(), quoted ?? plain] as const,
  );
  return new Map(found.toReversed());
});

/** White space around "=" is not HTTP's, but some stacks write it. */
const parameterForm = /;\s*([\w-]+)\s*=\s*(?:"([^"]*)"|([^\s;"]+))/g;

/** Why a message got no answer. */
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

/**
 * A message got no SOAP answer.
 *
 * @example
 * ```ts
 * import { accountId, participantId, SoapTransportError, type TransferClient } from 'concordat/client';
 *
 * // The balance in cents, or `undefined` where the bank does not answer.
 * export async function balanceOf(client: TransferClient): Promise<number | undefined> {
 *   try {
 *     const balance = await client.getBalance(participantId('bank-a'), accountId('alice'));
 *     return balance.amountMinor;
 *   } catch (error) {
 *     if (error instanceof SoapTransportError) return undefined;
 *     throw error;
 *   }
 * }
 * ```
 */
export class SoapTransportError extends ConcordatError<TransportFailure, SoapTransportErrorData> {
  override readonly name = 'SoapTransportError';
  readonly data: SoapTransportErrorData;

  constructor(
    readonly code: TransportFailure,
    address: string,
    what: string,
    status?: number,
  ) {
    super(`${code}: ${what} (${address.slice(0, 200)})`);
    this.data = { address, status };
  }
}

/** What a `SoapTransportError` is about. */
export interface SoapTransportErrorData {
  /** Where the message was to go. */
  readonly address: string;
  /** Of `http-status`. */
  readonly status: number | undefined;
}

export interface PostRequest {
  readonly address: string;
  readonly version: SoapVersion;
  readonly action: string;
  readonly text: string;
  /** For all of it, from the call to the last byte of the answer. */
  readonly timeoutMs: number;
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
  readonly #agent: Agent;

  constructor(addresses: AddressPolicy, onSent?: OnSent, tls?: ClientTls) {
    this.#addresses = addresses;
    this.#onSent = onSent;
    this.#agent = new Agent({
      connections: connectionsMax,
      pipelining: 1,
      maxResponseSize: answerBytesMax,
      connect: { timeout: connectTimeoutMs, ...(tls && tlsOptions(tls)) },
      // The signal of each request bounds its time.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Throws `SoapTransportError`; any HTTP status is an answer. */
  async post(posting: PostRequest): Promise<PostAnswer> {
    const { address } = posting;
    const url = this.#addresses.allows(address) ? urlOf(address) : undefined;
    if (url === undefined) {
      throw new SoapTransportError('not-allowed', address, 'no address to call');
    }
    const { origin } = url;
    const pending = this.#pendingByOrigin.get(origin) ?? 0;
    if (pending >= pendingMax) {
      throw new SoapTransportError('busy', address, `${pending} requests under way`);
    }
    this.#pendingByOrigin.set(origin, pending + 1);
    try {
      return await this.#send(url, posting);
    } catch (error) {
      throw failureOf(error, address);
    }
  }

  #over(origin: string): void {
    const left = (this.#pendingByOrigin.get(origin) ?? 1) - 1;
    if (left > 0) this.#pendingByOrigin.set(origin, left);
    else this.#pendingByOrigin.delete(origin);
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #send(
    { origin, pathname, search }: Readonly<URL>,
    { version, action, text, timeoutMs }: PostRequest,
  ): Promise<PostAnswer> {
    const body = Buffer.from(text);
    costs.exchanges += 1;
    costs.exchangeBytes += body.length;
    this.#onSent?.(text);
    const exchange = new HttpExchange(timeoutMs, () => this.#over(origin));
    this.#agent.dispatch(
      {
        origin,
        path: pathname + search,
        method: 'POST',
        headers: httpHeaders(version, action),
        body,
      },
      exchange,
    );
    return exchange.answer;
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
