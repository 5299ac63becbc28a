import type { FastifyReply } from 'fastify';
import type { OperationStatus, SessionEvent } from '../../core/session/messages.js';
import { eventJson } from '../../edge/session/status-json.js';

const heartbeatMs = 15_000;
const reconnectMs = 1000;
export const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
};
/** Who does not read so much is cut off, and comes back to where it was. */
const unreadBytesMax = 256 * 1024;

/**
 * Server-sent events (HTML Living Standard §9.2) about one session. The id of an event is the number of
 * the last operation such that it and all before it are final and told, so that one who comes back with it
 * as `Last-Event-ID` misses nothing and hears little twice.
 */
export class EventStream {
  readonly #response: FastifyReply['raw'];
  readonly #heartbeat: NodeJS.Timeout;
  readonly #final = new Set<number>();
  #finalUpTo: number;

  /** Takes the answer over. `from`: number of the first operation that is told of. */
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

  /** What is told in one go leaves together. */
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
