import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** What happens to a message of the client that a test waits for. */
export interface Cut {
  /** In the message. */
  readonly text: string;
  /**
   * `before` the server has it; `after`: once the server has answered, and the client not been answered; `within`: the
   * server has it, and has not answered.
   */
  readonly when: 'before' | 'within' | 'after';
  /** Done before the client's connection is cut. */
  readonly act?: () => Promise<void>;
}

/** Stands between client and server, and cuts their connections where a test says so. */
export class CuttingProxy {
  /** What clients receive in place of what the server sends. */
  alter = (bytes: Buffer): Buffer => bytes;
  /** What the server receives in place of what clients send. */
  pass = (bytes: Buffer): Buffer => bytes;
  /** The server does not see that a client has gone, as behind a network that broke. */
  leavesServer = false;
  readonly #path: string;
  readonly #target: string;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();
  #cut: { readonly cut: Cut; readonly done: () => void } | undefined;

  /** Both are Unix sockets: its own, and the server's. */
  constructor(path: string, target: string) {
    this.#path = path;
    this.#target = target;
    this.#listener = createServer((client) => this.#join(client));
  }

  async listen(): Promise<void> {
    this.#listener.listen(this.#path);
    await once(this.#listener, 'listening');
  }

  async close(): Promise<void> {
    this.cutAll();
    this.#listener.close();
    await once(this.#listener, 'close');
  }

  /** Cuts once, at the next message that has the text. Resolves when that is done. */
  cut(cut: Cut): Promise<void> {
    return new Promise((done) => {
      this.#cut = { cut, done };
    });
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket): void {
    const server = createConnection(this.#target);
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    }
    client.on('close', () => this.leavesServer || server.destroy());
    server.on('close', () => client.destroy());
    const toClient = (bytes: Buffer) => client.write(this.alter(bytes));
    server.on('data', toClient);
    client.on('data', (bytes) => {
      const waiting = this.#cut;
      if (waiting === undefined || !bytes.includes(waiting.cut.text))
        return server.write(this.pass(bytes));
      this.#cut = undefined;
      const end = async () => {
        await waiting.cut.act?.();
        client.destroy();
        waiting.done();
      };
      server.off('data', toClient);
      if (waiting.cut.when === 'before') return void end();
      server.write(bytes);
      if (waiting.cut.when === 'after') return server.once('data', () => void end());
      return void end();
    });
  }
}
