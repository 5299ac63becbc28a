import { Agent, type Dispatcher } from 'undici';
import { z } from 'zod';
import { ConcordatError } from '../../../kernel/error.js';
import { enlistmentId, transactionId } from '../../../kernel/ids.js';
import type { EnlistmentRef } from '../../../transaction/participant/messages.js';
import type { Json } from '../../json.js';
import { Deadline } from '../deadline.js';
import type { OperationCall } from '../operations.js';

/** Why a request of a participant to its service came to nothing. */
export type HttpServiceFailure =
  /** No connection: the service has not received the request. */
  | 'unreachable'
  /** The connection broke. The service may have received the request, and acted on it. */
  | 'broken'
  /** No answer in time, likewise. */
  | 'timeout'
  /** The answer is longer than any should be. */
  | 'too-large'
  /** An HTTP status that is no answer to this request; `data.status` holds it. */
  | 'http-status'
  /** The answer's body is not what docs/other-languages.md says. */
  | 'bad-answer';

/** What an `HttpServiceError` is about. */
export interface HttpServiceErrorData {
  /** Where the request went. */
  readonly address: string;
  /** Of `http-status`. */
  readonly status: number | undefined;
}

/**
 * A service did not do what its participant asked for.
 *
 * @example
 * ```ts
 * import { HttpServiceError } from 'concordat/participant';
 *
 * // Whether the service may have acted on the request.
 * export function mayHaveActed(error: HttpServiceError): boolean {
 *   return error.code !== 'unreachable';
 * }
 * ```
 */
export class HttpServiceError extends ConcordatError<HttpServiceFailure, HttpServiceErrorData> {
  override readonly name = 'HttpServiceError';
  readonly data: HttpServiceErrorData;

  constructor(
    readonly code: HttpServiceFailure,
    address: string,
    what: string,
    options: { readonly status?: number; readonly cause?: unknown } = {},
  ) {
    super(`${code}: ${what} (${address})`, { cause: options.cause });
    this.data = { address, status: options.status };
  }
}

/** What the service answered to a try. */
export type TryAnswer =
  | { readonly kind: 'done'; readonly result: Json }
  | { readonly kind: 'refused'; readonly reason: string };

/** What a service may vote where it has `/prepare`. */
export type HttpVote = z.output<typeof voteSchema>['vote'];

/** Connections to a service: as many requests are under way there at a time; others wait. */
const connectionsMax = 64;
const connectTimeoutMs = 3000;
const answerBytesMax = 1024 * 1024;
/** Pieces that a service may say it holds, at a time. */
export const heldMax = 4096;

const tried = z.object({ result: z.json().optional() });
const refused = z.object({ reason: z.string() });
const voteSchema = z.object({ vote: z.enum(['prepared', 'readOnly', 'aborted']) });
const heldSchema = z
  .array(z.object({ transactionId: z.string(), enlistment: z.string() }))
  .max(heldMax);

interface Asking {
  readonly method: 'GET' | 'POST';
  readonly path: '/try' | '/prepare' | '/confirm' | '/cancel' | '/held';
  readonly body?: object;
  readonly signal?: AbortSignal;
}

interface Answer {
  readonly address: string;
  readonly status: number;
  readonly text: string;
}

/** The requests to one service. All reject with `HttpServiceError`. */
export class ServiceCalls {
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #agent = new Agent({
    connections: connectionsMax,
    pipelining: 1,
    maxResponseSize: answerBytesMax,
    // Undici heeds no signal before there is a connection.
    connect: { timeout: connectTimeoutMs },
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  constructor(url: string, timeoutMs: number) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
  }

  /** Has the service do the work of a call, ready to be confirmed or cancelled. */
  async try(ref: EnlistmentRef, operation: string, call: OperationCall): Promise<TryAnswer> {
    const { payload, client, request, isPermitted, signal } = call;
    const body = { ...namesOf(ref), operation, payload, client, request, isPermitted };
    const answer = await this.#ask({ method: 'POST', path: '/try', body, signal });
    if (answer.status === 409) return { kind: 'refused', ...read(answer, refused) };
    const { result = null } = read(requireDone(answer), tried);
    return { kind: 'done', result: result as Json };
  }

  /** Asks for the service's vote. */
  async prepare(ref: EnlistmentRef): Promise<HttpVote> {
    const answer = await this.#ask({ method: 'POST', path: '/prepare', body: namesOf(ref) });
    return read(requireDone(answer), voteSchema).vote;
  }

  async confirm(ref: EnlistmentRef): Promise<void> {
    requireDone(await this.#ask({ method: 'POST', path: '/confirm', body: namesOf(ref) }));
  }

  async cancel(ref: EnlistmentRef): Promise<void> {
    requireDone(await this.#ask({ method: 'POST', path: '/cancel', body: namesOf(ref) }));
  }

  /** What the service has tried and neither confirmed nor cancelled. */
  async held(): Promise<readonly EnlistmentRef[]> {
    const answer = requireDone(await this.#ask({ method: 'GET', path: '/held' }));
    const list = read(answer, heldSchema);
    try {
      return list.map((one) => ({
        tid: transactionId(one.transactionId),
        enlistment: enlistmentId(one.enlistment),
      }));
    } catch (error) {
      throw new HttpServiceError('bad-answer', answer.address, 'no such names', { cause: error });
    }
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #ask({ method, path, body, signal }: Asking): Promise<Answer> {
    const address = this.#url + path;
    const { origin, pathname } = new URL(address);
    const deadline = new Deadline(this.#timeoutMs, signal);
    const request: Dispatcher.RequestOptions = {
      ...{ origin, path: pathname, method },
      signal: deadline.signal,
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    };
    try {
      const response = await this.#agent.request(request);
      return { address, status: response.statusCode, text: await response.body.text() };
    } catch (error) {
      throw failureOf(error, address);
    } finally {
      deadline.end();
    }
  }
}

function namesOf({ tid, enlistment }: EnlistmentRef) {
  return { transactionId: tid, enlistment };
}

function requireDone(answer: Answer): Answer {
  const { address, status, text } = answer;
  if (status >= 200 && status <= 299) return answer;
  const what = `status ${status}: ${text.slice(0, quotedLengthMax)}`;
  throw new HttpServiceError('http-status', address, what, { status });
}

/** Characters of an answer that an error quotes. */
const quotedLengthMax = 200;

function read<Schema extends z.ZodType>(
  { address, text }: Answer,
  schema: Schema,
): z.output<Schema> {
  const found = schema.safeParse(jsonOf(text));
  if (found.success) return found.data;
  const [fault] = found.error.issues;
  const where = (fault?.path ?? []).map(String).join('.');
  throw new HttpServiceError('bad-answer', address, `${where || 'body'}: ${fault?.message}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Where one of these is the reason, no byte of the request was sent. */
const unsent: readonly unknown[] = [
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
];

function failureOf(error: unknown, address: string): HttpServiceError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const because = (failure: HttpServiceFailure, what = message || String(code)) =>
    new HttpServiceError(failure, address, what, { cause: error });
  if (unsent.includes(code)) {
    const remedy = 'start the service, or correct its url in the participant’s file';
    return because('unreachable', `the service does not answer there (${code}); ${remedy}`);
  }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return because('too-large');
  return because(name === 'TimeoutError' || name === 'AbortError' ? 'timeout' : 'broken');
}
