import { Agent, type Dispatcher, request } from 'undici';
import type { ClusterId } from '../../kernel/ids.js';
import type { SessionEvent } from '../core/outbox.js';
import { readProblem, SessionProblemError } from '../http/problem.js';
import { type RunSubmission, submissionJson } from '../http/run-json.js';
import { readAnswer, readEvent, type SessionAnswer } from '../http/status-json.js';
import type { SessionId } from '../types.js';
import { Deferred, NodeError } from './session-log.js';

/** One server-sent event (HTML Living Standard §9.2.6). */
export interface ServerEvent {
  readonly name: string;
  /** Empty until the stream names one. */
  readonly id: string;
  readonly data: string;
}

/** More than any status with its proof. */
const eventBytesMax = 1024 * 1024;

/**
 * Reads a stream of server-sent events to its end, and cancels it where the reader stops before. Throws
 * `RangeError` where one is too long.
 */
export async function* serverEvents(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerEvent, void, undefined> {
  const utf8 = new TextDecoder();
  let rest = '';
  let event = new Fields('');
  for await (const chunk of body) {
    rest += utf8.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') {
        event.add(line);
        continue;
      }
      const done = event.done();
      event = new Fields(event.id);
      if (done !== undefined) yield done;
    }
    if (rest.length + event.length > eventBytesMax) throw new RangeError('an event is too long');
  }
}

class Fields {
  readonly #data: string[] = [];
  #name = 'message';
  length = 0;

  constructor(public id: string) {}

  /** A line that begins with a colon is a comment; of others than these fields nobody knows. */
  add(line: string): void {
    this.length += line.length;
    const at = line.indexOf(':');
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#name = value;
    else if (field === 'id') this.id = value;
  }

  /** `undefined` for an event without data, which is none. */
  done(): ServerEvent | undefined {
    if (this.#data.length === 0) return undefined;
    return { name: this.#name, id: this.id, data: this.#data.join('\n') };
  }
}

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

  perform(submission: RunSubmission): Promise<SessionAnswer> {
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

export interface ListeningEvents {
  /** May throw `NodeError`: then the stream is over, too. */
  onEvent(event: SessionEvent): void;
  /** The stream is over, and was not stopped from here. */
  onOver(error: NodeError | SessionProblemError): void;
  /** Something else went wrong, here. */
  onError(error: Error): void;
}

/** Listens to one home's events at a time. */
export class Listening {
  readonly #events: ListeningEvents;
  #current: AbortController | undefined;
  #soon: NodeJS.Timeout | undefined;

  constructor(events: ListeningEvents) {
    this.#events = events;
  }

  /** After so long. Does nothing where it listens already; the sooner of two starts counts. */
  start(node: SessionNode, session: SessionId, from: number, afterMs: number): void {
    if (this.#current !== undefined) return;
    if (afterMs === 0) return this.#start(node, session, from);
    this.#soon ??= setTimeout(() => this.#start(node, session, from), afterMs);
  }

  #start(node: SessionNode, session: SessionId, from: number): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const listening = new AbortController();
    this.#current = listening;
    this.#follow(node.events(session, from, listening.signal), listening).catch((error: Error) =>
      this.#events.onError(error),
    );
  }

  stop(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#current?.abort();
    this.#current = undefined;
  }

  async #follow(events: AsyncIterable<SessionEvent>, listening: AbortController): Promise<void> {
    const { signal } = listening;
    try {
      for await (const event of events) {
        if (signal.aborted) return;
        this.#events.onEvent(event);
      }
      throw new NodeError('it has ended the stream of events');
    } catch (error) {
      if (signal.aborted) return;
      this.#current = undefined;
      if (!(error instanceof NodeError || error instanceof SessionProblemError)) throw error;
      this.#events.onOver(error);
    }
  }
}

/** Up to where a session's operations shall be ordered, and up to where its home has been asked for that. */
export class Commits {
  #waiting: { upTo: number; done: Deferred<void> }[] = [];
  #wanted = 0;
  #asked = 0;

  get wanted(): number {
    return this.#wanted;
  }

  get isWanted(): boolean {
    return this.#asked < this.#wanted;
  }

  want(upTo: number): void {
    this.#wanted = upTo;
  }

  /** Resolves once a home has been asked. */
  wait(upTo: number): Promise<void> {
    const done = new Deferred<void>();
    this.#wanted = upTo;
    this.#waiting.push({ upTo, done });
    return done.promise;
  }

  asked(upTo: number): void {
    this.#asked = Math.max(this.#asked, upTo);
    for (const { upTo: wanted, done } of this.#waiting) if (wanted <= upTo) done.resolve();
    this.#waiting = this.#waiting.filter(({ upTo: wanted }) => wanted > upTo);
  }

  /** The next home has to be asked again for all after these. */
  askAgainAfter(sequence: number): void {
    this.#asked = Math.min(this.#asked, sequence);
  }

  fail(error: Error): void {
    for (const { done } of this.#waiting) done.reject(error);
    this.#waiting = [];
  }
}
