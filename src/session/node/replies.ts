import type { FastifyReply } from 'fastify';
import type {
  OperationStatus,
  SessionEvent,
  SessionInput,
  SessionOutput,
  SessionReplyId,
} from '../core/outbox.js';
import { type SessionProblem, SessionProblemError } from '../http/problem.js';
import { eventJson } from '../http/status-json.js';

const heartbeatMs = 15_000;
const reconnectMs = 1000;
export const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};
/** A client that leaves so much unread is cut off, and comes back to where it was. */
const unreadBytesMax = 256 * 1024;

/**
 * Server-sent events (HTML Living Standard §9.2) about one session. The id of an event is the number of
 * the last operation such that it and all before it are final and sent, so that a client that comes back with it
 * as `Last-Event-ID` misses nothing and receives little twice.
 */
export class EventStream {
  readonly #response: FastifyReply['raw'];
  readonly #heartbeat: NodeJS.Timeout;
  readonly #final = new Set<number>();
  #finalUpTo: number;

  /** Takes the answer over. `from`: number of the first operation that is reported. */
  constructor(reply: FastifyReply, from: number, onEnd: () => void) {
    this.#finalUpTo = from - 1;
    const headers = reply.getHeaders();
    reply.hijack();
    this.#response = reply.raw;
    this.#response.writeHead(200, {
      ...(headers as Record<string, string>),
      ...streamHeaders,
    });
    this.#response.write(`retry: ${reconnectMs}\n\n`);
    this.#heartbeat = setInterval(() => this.#write(':\n\n'), heartbeatMs);
    this.#response.on('close', () => {
      clearInterval(this.#heartbeat);
      onEnd();
    });
    // A connection that breaks is no error of ours; it closes.
    this.#response.on('error', () => undefined);
  }

  tell(event: SessionEvent): void {
    const data = JSON.stringify(eventJson(event));
    this.#note(event);
    this.#write(`event: ${event.kind}\nid: ${this.#finalUpTo}\ndata: ${data}\n\n`);
  }

  end(): void {
    this.#response.end();
  }

  #note(event: SessionEvent): void {
    if (event.kind !== 'operation' || !isFinal(event.status)) return;
    this.#final.add(event.sequence);
    while (this.#final.delete(this.#finalUpTo + 1)) this.#finalUpTo += 1;
  }

  /** What is written in one go leaves together. */
  #write(text: string): void {
    const response = this.#response;
    if (response.writableLength > unreadBytesMax) response.destroy();
    if (response.destroyed || response.writableEnded) return;
    if (response.writableCorked === 0) {
      response.cork();
      setImmediate(() => response.uncork());
    }
    response.write(text);
  }
}

function isFinal({ kind }: OperationStatus): boolean {
  return kind === 'committed' || kind === 'changed' || kind === 'aborted';
}

/** The core's answers to requests that wait. */
export type SessionReply = Extract<SessionOutput, { readonly replyId: SessionReplyId }>;
type Answered = Exclude<SessionReply, { readonly kind: 'refused' }>;
/** Inputs that are answered. */
export type SessionQuestion = Extract<SessionInput, { readonly replyId: SessionReplyId }>;

interface Waiting {
  onReply(reply: Answered): void;
  onProblem(problem: SessionProblem): void;
  readonly timer: NodeJS.Timeout;
}

export interface RepliesOptions {
  /** Hands an input to the core; false where it is too busy. */
  submit(input: SessionInput): boolean;
  /** Why no answer will come; `undefined` where one may. */
  outOfService(): string | undefined;
  readonly timeoutMs: number;
  /** Requests beyond so many are refused, to come again. */
  readonly waitingMax: number;
}

/** A client beyond the bound is asked to come again after so long. */
const busyMs = 500;

/** Callers that wait for the core's answer: a bounded number, each for a bounded time. */
export class Replies {
  readonly #options: RepliesOptions;
  readonly #waiting = new Map<SessionReplyId, Waiting>();
  #last = 0;

  constructor(options: RepliesOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#waiting.size;
  }

  /** Throws `SessionProblemError` where it is refused, too much is under way, or no answer comes in time. */
  ask(question: (replyId: SessionReplyId) => SessionQuestion): Promise<Answered> {
    return new Promise((resolve, reject) => {
      this.askNow(question, resolve, (problem) => reject(new SessionProblemError(problem)));
    });
  }

  /** As `ask`; calls back before the output that follows the reply is performed. */
  askNow(
    question: (replyId: SessionReplyId) => SessionQuestion,
    onReply: Waiting['onReply'],
    onProblem: Waiting['onProblem'],
  ): void {
    const { submit, outOfService, timeoutMs, waitingMax } = this.#options;
    const reason = outOfService();
    if (reason !== undefined) return onProblem({ code: 'unavailable', reason });
    if (this.#waiting.size >= waitingMax)
      return onProblem({ code: 'busy', retryAfterMs: busyMs, reason: 'too many wait for answers' });
    this.#last += 1;
    const replyId = this.#last as SessionReplyId;
    const late = () =>
      this.#take(replyId)?.onProblem({
        code: 'unavailable',
        reason: 'no answer in time; try again, or at another coordinator',
      });
    const timer = setTimeout(late, timeoutMs);
    this.#waiting.set(replyId, { onReply, onProblem, timer });
    if (submit(question(replyId))) return;
    this.#take(replyId)?.onProblem({
      code: 'busy',
      retryAfterMs: busyMs,
      reason: 'no answer in time',
    });
  }

  /** Hands a reply on. One that nobody waits for any more is dropped. */
  answer(reply: SessionReply): void {
    const waiting = this.#take(reply.replyId);
    if (reply.kind === 'refused') waiting?.onProblem(reply.refusal);
    else waiting?.onReply(reply);
  }

  /** Refuses all that wait: no answer will come. */
  dismissAll(): void {
    const reason = 'sessions are stopping here; ask another coordinator';
    for (const replyId of [...this.#waiting.keys()]) {
      this.#take(replyId)?.onProblem({ code: 'unavailable', reason });
    }
  }

  #take(replyId: SessionReplyId): Waiting | undefined {
    const waiting = this.#waiting.get(replyId);
    this.#waiting.delete(replyId);
    clearTimeout(waiting?.timer);
    return waiting;
  }
}
