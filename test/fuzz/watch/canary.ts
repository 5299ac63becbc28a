import { createServer, type Server, Socket } from 'node:net';
import { FuzzError } from '../attack.js';

/** A listener that nobody has a reason to call: whoever does was made to. */
export class Canary {
  readonly #server: Server;
  #calls = 0;

  private constructor() {
    this.#server = createServer((socket) => {
      this.#calls += 1;
      socket.on('error', () => undefined);
      socket.destroy();
    });
  }

  /** Listens on a free port of this machine, and makes sure once that a call would be noticed. */
  static async start(): Promise<Canary> {
    const canary = new Canary();
    await new Promise<void>((resolve, reject) => {
      canary.#server.once('error', reject);
      canary.#server.listen(0, '127.0.0.1', resolve);
    });
    await new Promise<void>((resolve) => {
      const probe = new Socket();
      probe.on('error', () => undefined);
      probe.on('close', () => resolve());
      probe.connect(canary.port, '127.0.0.1');
    });
    if (canary.#calls !== 1) throw new FuzzError('the canary does not notice calls');
    canary.#calls = 0;
    return canary;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  get calls(): number {
    return this.#calls;
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
