import { type Connection, createConnection, type UpsertResult } from 'mariadb';
import { MariadbError } from './error.js';
import type { Settings } from './options.js';

/** How much longer than the server's own limit the participant waits for the answer to a statement. */
const graceMs = 5_000;

/** A thread of the server, known by the lock that it holds as long as it is there. */
export interface Thread {
  readonly id: number;
  readonly lockName: string;
}

/** A row whose columns are read as the connector reads them. */
export type Row = Readonly<Record<string, unknown>>;

/** What a statement gave. */
export interface Answer {
  readonly rows: readonly object[];
  /** Rows that were read or changed. */
  readonly count: number;
  readonly warnings: number;
}

/** One connection. It holds a lock of the server's, so that it can be seen whether its thread is gone. */
export class Session {
  readonly #connection: Connection;
  readonly #settings: Settings;
  readonly thread: Thread;
  #broken: Error | undefined;
  /** Of each statement whose answer has not come yet: what ends its waiting. */
  readonly #running = new Set<(error: Error) => void>();

  private constructor(connection: Connection, thread: Thread, settings: Settings) {
    this.#connection = connection;
    this.thread = thread;
    this.#settings = settings;
    connection.on('error', (error: Error) => {
      this.#broken ??= error;
    });
  }

  /** Opens one. Rejects with `in-use` where another thread has the lock, and keeps it for `waitMs`. */
  static async open(settings: Settings, lockName: string, waitMs: number): Promise<Session> {
    const connection = await createConnection({
      ...settings.connection,
      connectTimeout: waitMs,
      multipleStatements: false,
      permitLocalInfile: false,
      keepAliveDelay: 10_000,
    });
    const thread = { id: connection.threadId ?? 0, lockName };
    const session = new Session(connection, thread, settings);
    try {
      await session.#register(settings, waitMs);
      return session;
    } catch (error) {
      session.destroy();
      throw error;
    }
  }

  /** Whether the answer to a statement has not come yet. */
  get isRunning(): boolean {
    return this.#running.size > 0;
  }

  get isBroken(): boolean {
    return this.#broken !== undefined || !this.#connection.isValid();
  }

  /** Runs one statement, with `?` for the values. */
  async run(text: string, values: readonly unknown[] = []): Promise<Answer> {
    const given = await this.#answered(() =>
      values.length === 0
        ? this.#connection.query<unknown>(text)
        : this.#connection.execute<unknown>(text, [...values]),
    );
    if (Array.isArray(given)) return { rows: given, count: given.length, warnings: 0 };
    const { affectedRows = 0, warningStatus = 0 } = (given ?? {}) as Partial<UpsertResult>;
    return { rows: [], count: affectedRows, warnings: warningStatus };
  }

  async rows(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    const { rows } = await this.run(text, values);
    return rows as readonly Row[];
  }

  /** Runs one statement for each list of values. */
  async batch(text: string, lists: readonly (readonly unknown[])[]): Promise<void> {
    if (lists.length > 0) await this.#answered(() => this.#connection.batch(text, [...lists]));
  }

  /** Ends the connection; the server then rolls back what is open in it, and keeps what is prepared. */
  async end(): Promise<void> {
    if (this.isBroken) return this.destroy();
    this.#broken = new Error('the connection has ended');
    await this.#connection.end().catch(() => this.#connection.destroy());
  }

  /** Ends the connection at once, and what its thread is at. */
  destroy(): void {
    this.#broken ??= new Error('the connection was given up');
    if (!this.isRunning) return this.#connection.destroy();
    // The connector would end the thread too, but the process dies with it where the thread is gone already.
    this.#killThread().catch((error) => {
      for (const giveUp of this.#running) giveUp(asError(error));
    });
  }

  /** The server then closes the connection, which ends what waits for an answer. */
  async #killThread(): Promise<void> {
    const { connection, connectionWaitMs: connectTimeout } = this.#settings;
    const other = await createConnection({ ...connection, connectTimeout });
    // A server that stops may say so between two statements; without a listener that would end the process.
    other.on('error', () => {});
    try {
      await other.query(`KILL CONNECTION ${this.thread.id}`);
    } finally {
      await other.end().catch(() => {});
    }
  }

  /** A proxy answers with a number of its own for the thread, and gives each transaction to any thread. */
  async #register(settings: Settings, waitMs: number): Promise<void> {
    const { participant: name } = settings;
    const { id, lockName } = this.thread;
    const [row] = await this.rows(
      `SELECT CONNECTION_ID() AS id, VERSION() AS version, GET_LOCK('${lockName}', ${waitMs / 1000}) AS got,
         IS_USED_LOCK('${lockName}') AS holder`,
    );
    const { id: own, version, got, holder } = row ?? {};
    if (Number(own) !== id) {
      const message =
        'a proxy stands before the MariaDB server: let the participant connect to it itself';
      throw new MariadbError('unusable-server', message, { name });
    }
    if (Number(got) === 1) return;
    const message =
      `the server (${String(version)}) has another connection of participant ${name} (thread ${String(holder)}): stop the ` +
      'other process that runs as this participant. If there is none, and its machine is gone, end it by KILL …';
    throw new MariadbError('in-use', message, { name });
  }

  async #answered<Given>(ask: () => Promise<Given>): Promise<Given> {
    if (this.#broken !== undefined) throw this.#broken;
    let giveUp: (error: Error) => void = () => {};
    const givenUp = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    this.#running.add(giveUp);
    const answerMs = this.#settings.statementMs + graceMs;
    const timer = setTimeout(() => {
      this.#broken ??= new Error(`no answer within ${answerMs} ms`);
      this.destroy();
    }, answerMs);
    try {
      return await Promise.race([ask(), givenUp]);
    } catch (error) {
      if (!this.#connection.isValid()) this.#broken ??= asError(error);
      throw error;
    } finally {
      clearTimeout(timer);
      this.#running.delete(giveUp);
    }
  }
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
