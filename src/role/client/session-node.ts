import { Agent, type Dispatcher, request } from 'undici';
import type { SessionEvent } from '../../core/session/messages.js';
import { readProblem, SessionProblemError } from '../../edge/session/problem.js';
import { type Submission, submissionJson } from '../../edge/session/run-json.js';
import { readAnswer, readEvent, type SessionAnswer } from '../../edge/session/status-json.js';
import type { ClusterId } from '../../vocabulary/ids.js';
import type { SessionId } from '../../vocabulary/session.js';
import { serverEvents } from './server-events.js';
import { NodeError } from './session-error.js';

/** A stream that says nothing for so long, not even that it is there, is broken. */
const silentMs = 40_000;
/** More than any answer. */
const answerBytesMax = 16 * 1024 * 1024;
/** A machine that is gone refuses no connection, and undici heeds no signal before there is one. */
const connectTimeoutMs = 3000;

/** For all coordinators, so that connections are kept from one request to the next. */
const agent = new Agent({ connect: { timeout: connectTimeoutMs } });

type RequestOptions = Parameters<typeof request<null>>[1];

/**
 * Sessions at one coordinator. All throw `SessionProblemError` where it refuses, and `NodeError` where it
 * does not answer as it should. What it says is read, not believed.
 */
export class SessionNode {
  readonly #cluster: ClusterId;
  readonly #timeoutMs: number;

  constructor(
    cluster: ClusterId,
    /** Base address. */
    readonly url: string,
    /** For one answer. */
    timeoutMs: number,
  ) {
    this.#cluster = cluster;
    this.#timeoutMs = timeoutMs;
  }

  perform(submission: Submission): Promise<SessionAnswer> {
    return this.#ask('/sessions/operations', submissionJson(submission));
  }

  commit(session: SessionId): Promise<SessionAnswer> {
    return this.#ask(`/sessions/${session}/commit`, {});
  }

  status(session: SessionId, from: number): Promise<SessionAnswer> {
    return this.#ask(`/sessions/${session}?from=${from}`);
  }

  /** What becomes of the session's operations from this number on, until the stream ends or breaks. */
  async *events(
    session: SessionId,
    from: number,
    signal: AbortSignal,
  ): AsyncGenerator<SessionEvent, void, undefined> {
    try {
      const path = `/sessions/${session}/events?from=${from}`;
      const response = await this.#request(path, { signal, bodyTimeout: silentMs });
      if (response.statusCode !== 200) throw await this.#problemOf(response);
      for await (const { name, data } of serverEvents(response.body)) {
        const event = this.#read(() => readEvent(this.#cluster, name, data));
        if (event) yield event;
      }
    } catch (error) {
      throw nodeErrorOf(error);
    }
  }

  async #ask(path: string, body?: object): Promise<SessionAnswer> {
    try {
      const response = await this.#request(path, {
        signal: AbortSignal.timeout(this.#timeoutMs),
        ...(body && {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        }),
      });
      if (response.statusCode !== 200) throw await this.#problemOf(response);
      const text = await textOf(response);
      return this.#read(() => readAnswer(this.#cluster, JSON.parse(text)));
    } catch (error) {
      throw nodeErrorOf(error);
    }
  }

  #request(path: string, options: RequestOptions): Promise<Dispatcher.ResponseData> {
    return request<null>(this.url + path, {
      dispatcher: agent,
      headersTimeout: this.#timeoutMs,
      ...options,
    });
  }

  async #problemOf(response: Dispatcher.ResponseData): Promise<Error> {
    const text = await textOf(response);
    const problem = this.#read(() => readProblem(JSON.parse(text)));
    return problem && problem.code !== 'unavailable'
      ? new SessionProblemError(problem)
      : new NodeError(`it answers with status ${response.statusCode}`);
  }

  #read<Value>(read: () => Value): Value {
    try {
      return read();
    } catch (error) {
      throw new NodeError('its answer cannot be read', { cause: error });
    }
  }
}

function nodeErrorOf(error: unknown): Error {
  if (error instanceof NodeError || error instanceof SessionProblemError) return error;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NodeError(reason, { cause: error });
}

async function textOf({ body }: Dispatcher.ResponseData): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > answerBytesMax) throw new NodeError('its answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
