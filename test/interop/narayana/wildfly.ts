import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '../programs.js';
import type { Downloads } from './downloads.js';
import { WildflyServer } from './server.js';

const warFolder = join(projectRoot, 'test/interop/narayana/war');
/** A client of XTS waits half a minute for its outcome. */
const transferTimeoutMs = 120_000;

const known = z.enum(['committed', 'rolledBack', 'unknown']);
const answerSchema = z.object({
  outcome: known,
  step: z.string(),
  ms: z.number(),
  error: z.string(),
});
const initiatorSchema = z.object({
  /** The message that came back. */
  answer: z.string(),
  outcome: z.enum(['committed', 'rolledBack', 'unknown', 'none']),
  error: z.string(),
});
const steps = z.array(z.enum(['prepared', 'committed', 'rolledBack']));
const bookSchema = z.array(z.object({ transfer: z.string(), delta: z.number(), steps }));
const booksSchema = z.object({ A: bookSchema, B: bookSchema });

/** What the client knows of the outcome. */
export type TransferAnswer = z.output<typeof answerSchema>;
/** What the initiator of a scenario knows of it. */
export type InitiatorAnswer = z.output<typeof initiatorSchema>;
/** Of both banks: what has become of each posting, in the order in which it happened. */
export type Books = z.output<typeof booksSchema>;

export interface WildflyOptions {
  readonly downloads: Downloads;
  readonly directory: string;
  readonly port: number;
  /** What its endpoints are called by. */
  readonly origin: string;
  /** Address of the Activation service of the coordinator. */
  readonly activation: string;
}

/** Memory; more of the protocol is handled at a time, and recovery looks more often than every 2 minutes. */
const java = [
  ...['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-Dxts.workers=64'],
  '-DRecoveryEnvironmentBean.periodicRecoveryPeriod=10',
  '-DRecoveryEnvironmentBean.recoveryBackoffPeriod=1',
];

/** One WildFly with XTS and our WAR; it can be killed, and started again on what it had on disk. */
export class Wildfly {
  readonly #server: WildflyServer;

  private constructor(server: WildflyServer) {
    this.#server = server;
  }

  static async make({ origin, ...options }: WildflyOptions): Promise<Wildfly> {
    const server = await WildflyServer.make({
      ...options,
      name: 'plain',
      publicPort: Number(new URL(origin).port),
      hasAsyncRegistration: true,
      war: { path: 'plain', folder: warFolder },
      java,
    });
    return new Wildfly(server);
  }

  /** Waits until the WAR answers. */
  async start(): Promise<void> {
    await this.#server.start('/books');
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#server.end(signal);
  }

  /** Rejects where WildFly is killed meanwhile. */
  async transfer(parameters: Readonly<Record<string, string>>): Promise<TransferAnswer> {
    const query = new URLSearchParams(parameters);
    const signal = AbortSignal.timeout(transferTimeoutMs);
    const response = await fetch(`${this.#server.url}/transfer?${query}`, { signal });
    return answerSchema.parse(await response.json());
  }

  /** Has the initiator make one of the interoperability scenarios. Rejects where WildFly is killed meanwhile. */
  async scenario(parameters: Readonly<Record<string, string>>): Promise<InitiatorAnswer> {
    const query = new URLSearchParams(parameters);
    const signal = AbortSignal.timeout(transferTimeoutMs);
    const response = await fetch(`${this.#server.url}/scenario?${query}`, { signal });
    return initiatorSchema.parse(await response.json());
  }

  async books(): Promise<Books> {
    const response = await fetch(`${this.#server.url}/books`);
    return booksSchema.parse(await response.json());
  }
}
