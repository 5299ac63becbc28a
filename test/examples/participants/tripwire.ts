import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Before the service receives a message, or after it has answered and before the sidecar has the answer. */
export type When = 'before' | 'after';

interface Wire {
  readonly path: string;
  readonly when: When;
  readonly onTouch: () => Promise<void>;
}

/** Between a sidecar and its service: hands messages on, and does something at just one of them. */
export class Tripwire {
  readonly #server = createServer((from, to) => {
    this.#handle(from, to).catch(() => from.socket.destroy());
  });
  readonly #servicePort: number;
  #wire: Wire | undefined;
  /** The confirmations whose answers were lost: each comes again. */
  readonly #lost = new Set<string>();

  private constructor(servicePort: number) {
    this.#servicePort = servicePort;
  }

  static async start(servicePort: number): Promise<Tripwire> {
    const tripwire = new Tripwire(servicePort);
    tripwire.#server.listen(0, '127.0.0.1');
    await once(tripwire.#server, 'listening');
    return tripwire;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** At the next message to this path; that message's connection breaks. */
  set(path: string, when: When, onTouch: () => Promise<void>): void {
    this.#wire = { path, when, onTouch };
  }

  /** Whether it has been touched, or was never set. */
  get isDown(): boolean {
    return this.#wire === undefined;
  }

  /** Whether each confirmation has been answered. */
  get isAnswered(): boolean {
    return this.#lost.size === 0;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #handle(from: IncomingMessage, to: ServerResponse): Promise<void> {
    const body = Buffer.concat(await from.toArray());
    const wire = this.#wire?.path === from.url ? this.#wire : undefined;
    if (wire) this.#wire = undefined;
    if (wire?.path === '/confirm') this.#lost.add(body.toString());
    if (wire?.when !== 'before') {
      const { status, text } = await this.#handOn(from, body);
      if (wire === undefined) {
        to.writeHead(status, { 'content-type': 'application/json' }).end(text);
        this.#lost.delete(body.toString());
        return;
      }
    }
    await wire?.onTouch();
    from.socket.destroy();
  }

  async #handOn({ method, url, headers }: IncomingMessage, body: Buffer) {
    const target = { host: '127.0.0.1', port: this.#servicePort, method, path: url, agent: false };
    const sent = request({ ...target, headers: { ...headers, connection: 'close' } });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const text = Buffer.concat(await answer.toArray());
    return { status: answer.statusCode ?? 500, text };
  }
}
