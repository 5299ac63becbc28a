import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';

const { CI, NATS_SERVER } = process.env;
const program = [NATS_SERVER, '/usr/sbin/nats-server', '/usr/bin/nats-server'].find(
  (file) => file !== undefined && existsSync(file),
);
const missing = 'no NATS server; install Debian’s nats-server, or set NATS_SERVER';

export const hasNats = program !== undefined;

/** Says in a test's title why it is skipped; where `CI=true` there must be a server. */
export function natsTitleOf(title: string): string {
  if (hasNats) return title;
  if (CI === 'true') throw new Error(missing);
  return `${title} (skipped: ${missing})`;
}

/** What a stream has of one message. */
export interface Stored {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly message: unknown;
}

/** A server with JetStream of its own, which is there for one test file. */
export class NatsServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'concordat-nats-'));
  #port = 0;
  #process: ChildProcess | undefined;

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Resolves once it answers. It has the same address each time. */
  async start(): Promise<void> {
    if (program === undefined) throw new Error(missing);
    if (this.#port === 0) this.#port = await freePort();
    const options = ['-js', '-sd', this.folder, '-a', '127.0.0.1', '-p', String(this.#port)];
    this.#process = spawn(program, options, { stdio: 'ignore' });
    for (;;) {
      const isUp = await this.#run(async () => true).catch(() => false);
      if (isUp) return;
      if (this.#process.exitCode !== null) throw new Error('the NATS server ended');
      await pause(20);
    }
  }

  /** SIGKILL; resolves once the process is gone. */
  async kill(): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Takes what is published to these subjects. An id counts as seen for so long. */
  addStream(name: string, subjects: readonly string[], duplicateWindowMs = 120_000): Promise<void> {
    return this.#run(async (connection) => {
      const manager = await jetstreamManager(connection);
      const config = { name, subjects: [...subjects], duplicate_window: duplicateWindowMs * 1e6 };
      await manager.streams.add(config);
    });
  }

  /** All that the stream has, in its order. */
  stored(stream: string): Promise<readonly Stored[]> {
    return this.#run(async (connection) => {
      const manager = await jetstreamManager(connection);
      const { state } = await manager.streams.info(stream);
      if (state.messages === 0) return [];
      const consumer = await jetstream(connection).consumers.get(stream);
      const found: Stored[] = [];
      for await (const message of await consumer.fetch({ max_messages: state.messages })) {
        const { subject: topic, headers } = message;
        const id = headers?.get('Nats-Msg-Id') ?? '';
        found.push({
          id,
          topic,
          key: headers?.get('Concordat-Key') ?? '',
          message: message.json(),
        });
        if (found.length === state.messages) break;
      }
      return found;
    });
  }

  async #run<Result>(body: (connection: NatsConnection) => Promise<Result>): Promise<Result> {
    const connection = await connect({ servers: this.address, reconnect: false, timeout: 2_000 });
    try {
      return await body(connection);
    } finally {
      await connection.close();
    }
  }
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
