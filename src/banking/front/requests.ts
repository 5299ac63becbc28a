import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { resendDelayMs } from '../../kernel/core.js';
import { ConcordatError } from '../../kernel/error.js';
import type { Logger } from '../../kernel/http/logger.js';
import type { RequestResult } from '../../service/client/poll-core.js';
import { RequestError } from '../../service/client/request-error.js';
import type { SoapMessage } from '../../soap/envelope.js';
import { SoapFault } from '../../soap/faults.js';
import { namespaces } from '../../soap/vocabulary.js';
import type { TransferClient } from '../client/transfer-client.js';
import type { Transfer } from '../soap.js';
import {
  bookLimits,
  digestOfOrder,
  type FrontAnswer,
  type FrontRequest,
  type RequestBook,
} from './request-book.js';

interface HttpCaller {
  readonly address: string;
  /** Of the header `Idempotency-Key`. */
  readonly key: string | undefined;
}

/** The `Idempotency-Key`, if the request has one. */
export function keyIn(headers: IncomingHttpHeaders): string | undefined {
  const header = headers['idempotency-key'];
  const key = Array.isArray(header) ? header.join() : header;
  return key?.replace(/^"(.*)"$/, '$1');
}

export function isKey(text: string): boolean {
  return text !== '' && text.length <= bookLimits.keyLength;
}

/** Remembers, for what handles a SOAP message, its sender by HTTP and its key. */
export class Callers {
  readonly #current = new AsyncLocalStorage<HttpCaller>();

  constructor(app: FastifyInstance) {
    app.addHook('preHandler', ({ ip, headers }, _reply, done) => {
      this.#current.run({ address: ip, key: keyIn(headers) }, done);
    });
  }

  /** The key is the `Idempotency-Key`, else the `wsa:MessageID`, else none. Throws a `SoapFault` where it is no key. */
  of({ addressing }: SoapMessage): Caller {
    const { address = '', key: header } = this.#current.getStore() ?? {};
    const key = header ?? addressing.messageId;
    if (key !== undefined && !isKey(key)) {
      throw new SoapFault({
        soapCode: 'Sender',
        namespace: namespaces.concordat,
        code: 'InvalidKey',
        reason: `A key has 1 to ${bookLimits.keyLength} characters.`,
      });
    }
    return { address, key };
  }
}

export type FrontRefusalCode = 'busy' | 'conflict' | 'refused' | 'too-old' | 'outcome-unknown';

/** Why a caller gets no outcome. `key` is what it can ask by, and `request` what was sent on, if it was. */
export class FrontRefusal extends ConcordatError<FrontRefusalCode, FrontRefusalData> {
  override readonly name = 'FrontRefusal';
  readonly data: FrontRefusalData;

  constructor(
    readonly code: FrontRefusalCode,
    message: string,
    request?: FrontRequest,
    key = request?.key,
  ) {
    super(message);
    this.data = { key, request };
  }
}

export interface FrontRefusalData {
  readonly key: string | undefined;
  readonly request: FrontRequest | undefined;
}

/** The sender of a request, and the key that it is known by. */
export interface Caller {
  readonly address: string;
  readonly key: string | undefined;
}

interface UnderWay {
  readonly order: Transfer;
  readonly answer: Promise<FrontAnswer>;
}

export interface FrontRequestsOptions {
  readonly book: RequestBook;
  readonly client: TransferClient;
  /** For how long a caller waits. */
  readonly timeoutMs: number;
  readonly resendAfterMs: number;
  readonly log: Logger;
}

/**
 * Requests of callers as transfers, each once: the same key is the same request, as the same client with the
 * same timestamp, whatever happens in between. What has no outcome yet is asked for until it has one, whether
 * a caller waits or not.
 */
export class FrontRequests {
  readonly #options: FrontRequestsOptions;
  /** What becomes of those that have no answer, by key. */
  readonly #underWay = new Map<string, UnderWay>();
  readonly #stopping = new AbortController();

  constructor(options: FrontRequestsOptions) {
    this.#options = options;
  }

  /** Goes on with what a restart has interrupted. */
  async start(): Promise<void> {
    for (const request of await this.#options.book.load()) void this.#resume(request);
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** The request of this key, if it is remembered. */
  find(key: string): FrontRequest | undefined {
    return this.#options.book.get(key);
  }

  /** A key that is unknown was not sent on within so many milliseconds. */
  get rememberedMs(): number {
    return this.#options.book.rememberedMs;
  }

  /** Whether a request of this key is here without an answer; it may not have been sent on yet. */
  isUnderWay(key: string): boolean {
    return this.#underWay.has(key);
  }

  /** Throws `FrontRefusal` where there is no outcome, or none yet. */
  async transfer(order: Transfer, caller: Caller): Promise<RequestResult> {
    const { key } = caller;
    if (key === undefined) return this.#unnamed(order, caller.address);
    const known = this.#options.book.get(key);
    const underWay = this.#underWay.get(key);
    const before = known?.order ?? underWay?.order;
    if (before !== undefined && digestOfOrder(before) !== digestOfOrder(order)) {
      throw new FrontRefusal('conflict', 'the key was used for another request', known);
    }
    if (known?.answer) return resultOf(known.answer, known);
    const answer =
      underWay?.answer ?? (known ? this.#resume(known) : this.#begin(key, order, caller.address));
    return this.#wait(key, answer);
  }

  /** Nobody can send it again as the same; it gets a key only where its outcome is not known. */
  async #unnamed(order: Transfer, address: string): Promise<RequestResult> {
    const { client, timeoutMs, book } = this.#options;
    try {
      return await client.transfer(order, { timeoutMs });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const { request: ticket } = error.data;
      if (!error.isOpen || ticket === undefined) throw refusalOf(error);
      const key = `${ticket.client}@${ticket.timestamp}`;
      const request = { key, caller: address, order, ticket, sinceMs: Date.now() };
      if (!(await book.makeRoom(address))) throw new FrontRefusal('outcome-unknown', error.message);
      await book.put(request);
      void this.#resume(request);
      throw new FrontRefusal('outcome-unknown', error.message, request);
    }
  }

  /** Callers of one key share what is under way; it goes on when they have left. */
  #begin(key: string, order: Transfer, address: string): Promise<FrontAnswer> {
    return this.#track(key, order, async () => {
      const { client, book, timeoutMs } = this.#options;
      if (!(await book.makeRoom(address))) throw new FrontRefusal('busy', 'too many requests');
      let request: FrontRequest | undefined;
      try {
        const result = await client.transfer(order, {
          timeoutMs,
          beforeSending: async (ticket) => {
            request = { key, caller: address, order, ticket, sinceMs: Date.now() };
            await book.put(request);
          },
        });
        return await this.#answered(request, { kind: 'outcome', result });
      } catch (error) {
        if (request === undefined) throw error instanceof RequestError ? refusalOf(error) : error;
        return this.#failed(request, error) ?? this.#askOn(request);
      }
    });
  }

  #resume(request: FrontRequest): Promise<FrontAnswer> {
    return this.#track(request.key, request.order, () => this.#askOn(request));
  }

  /** Asks until there is an answer. */
  async #askOn(request: FrontRequest): Promise<FrontAnswer> {
    const { client, timeoutMs, resendAfterMs } = this.#options;
    const { signal } = this.#stopping;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const result = await client.ask(request.ticket, request.order, { timeoutMs });
        return await this.#answered(request, { kind: 'outcome', result });
      } catch (error) {
        signal.throwIfAborted();
        const answer = await this.#failed(request, error);
        if (answer) return answer;
        await sleep(resendDelayMs(resendAfterMs, attempt), undefined, { signal });
      }
    }
  }

  /** The answer, where it is one for good. Throws what is no failure of a transfer. */
  #failed(request: FrontRequest, error: unknown): Promise<FrontAnswer> | undefined {
    if (!(error instanceof RequestError)) throw error;
    const { code, message } = error;
    if (code !== 'refused' && code !== 'too-old') return undefined;
    return this.#answered(request, { kind: code, reason: message });
  }

  async #answered(request: FrontRequest | undefined, answer: FrontAnswer): Promise<FrontAnswer> {
    if (request) await this.#options.book.put({ ...request, answer });
    return answer;
  }

  #track(key: string, order: Transfer, work: () => Promise<FrontAnswer>): Promise<FrontAnswer> {
    const answer = work().finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, { order, answer });
    answer.catch((error: unknown) => {
      if (error instanceof FrontRefusal || this.#stopping.signal.aborted) return;
      this.#options.log.error({ err: error }, 'request-failed');
    });
    return answer;
  }

  async #wait(key: string, answer: Promise<FrontAnswer>): Promise<RequestResult> {
    const { timeoutMs, book } = this.#options;
    const inTime = await within(timeoutMs, answer);
    // One that still waits for a lane is refused there now, for good: that is the better answer.
    const first = inTime ?? (book.get(key) ? undefined : await within(laneGraceMs, answer));
    const request = book.get(key);
    if (first === undefined) {
      const why = 'too few initiators answered in time';
      throw new FrontRefusal('outcome-unknown', why, request, key);
    }
    return resultOf(first, request);
  }
}

/** Longer than it takes a request to be refused that has waited for a lane in vain. */
const laneGraceMs = 1000;

/** `undefined` where it takes longer. */
async function within<Value>(timeoutMs: number, work: Promise<Value>): Promise<Value | undefined> {
  const waiting = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: waiting.signal });
  late.catch(() => undefined);
  return await Promise.race([work, late]).finally(() => waiting.abort());
}

function resultOf(answer: FrontAnswer, request: FrontRequest | undefined): RequestResult {
  if (answer.kind === 'outcome') return answer.result;
  throw new FrontRefusal(answer.kind, answer.reason, request);
}

function refusalOf({ code, message }: RequestError): FrontRefusal {
  const isKnown = code === 'busy' || code === 'refused' || code === 'too-old';
  return new FrontRefusal(isKnown ? code : 'outcome-unknown', message);
}
