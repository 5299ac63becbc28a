import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A request as the service received it. */
export interface Received {
  readonly method: string;
  readonly path: string;
  /** Its body, read as JSON; undefined where there is none. */
  readonly body: unknown;
}

/** What the service answers, or what it does instead of an answer. */
export type Scripted =
  | { readonly status: number; readonly body?: unknown; readonly after?: Promise<void> }
  | 'breaks the connection'
  | 'never answers';

/** A service that answers by a script, and remembers what it was asked for. */
export class ScriptedService {
  readonly received: Received[] = [];
  readonly answers = new Map<string, Scripted[]>();
  #server = createServer((request, response) => void this.#handle(request, response));
  #port = 0;

  static async start(): Promise<ScriptedService> {
    const service = new ScriptedService();
    await service.listen();
    onTestFinished(() => service.stop());
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Answers requests to this path so, one after another; the last answer stays. */
  script(path: string, ...answers: readonly Scripted[]): void {
    this.answers.set(path, [...answers]);
  }

  /** What it was asked for at this path. */
  at(path: string): unknown[] {
    return this.received.filter((one) => one.path === path).map(({ body }) => body);
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = (await request.toArray()).join('');
    const { method = '', url: path = '' } = request;
    const answer = this.#answerOf(path);
    this.received.push({ method, path, body: text === '' ? undefined : JSON.parse(text) });
    if (answer === 'never answers') return;
    if (answer === 'breaks the connection') return void request.socket.destroy();
    const { status, body, after } = answer;
    await after;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}));
  }

  #answerOf(path: string): Scripted {
    const answers = this.answers.get(path) ?? [];
    const first = answers.length > 1 ? answers.shift() : answers[0];
    return first ?? { status: 200, body: path === '/held' ? [] : {} };
  }
}
