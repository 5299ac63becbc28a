import pg from 'pg';
import { isRefusal, PostgresError } from './error.js';
import { applicationNameOf } from './gid.js';
import type { Settings } from './options.js';

/** Calls that wait for a connection; one more is refused at once. */
const waitingMax = 1_024;
/** Connections beside those of calls: no outcome waits for a call that waits for its locks. */
const outcomeConnectionsMax = 2;
/** How much longer than the server's own limit the participant waits for the answer to a statement. */
const graceMs = 5_000;
/** The server notices within half a minute that the participant's machine is gone. */
const keepalives =
  '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3';

/** The process of the server behind a connection. Its number comes again, but not with the same start. */
export interface Backend {
  readonly pid: string;
  /** Microseconds since 1970. */
  readonly startedUs: string;
}

/** A row whose columns are all read as text. */
export type TextRow = Readonly<Record<string, string | null>>;

/** The connections of one participant: some for the work of calls, some for all else. */
export class Connections {
  readonly #settings: Settings;
  readonly #works: pg.Pool;
  readonly #outcomes: pg.Pool;
  readonly #backends = new WeakMap<pg.PoolClient, Backend>();

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#works = this.#pool({ max: settings.connectionsMax });
    // These stay open: a process that starts as the same participant sees them.
    this.#outcomes = this.#pool({ max: outcomeConnectionsMax, idleTimeoutMillis: 0 });
  }

  /** A connection for the work of a call. Rejects with `PostgresError` where there is none in time. */
  async forWork(): Promise<Connection> {
    const { participant, connectionWaitMs } = this.#settings;
    const data = { name: participant };
    if (this.#works.waitingCount >= waitingMax) {
      const message = `${waitingMax} calls wait for a connection already: try again later`;
      throw new PostgresError('no-connection', message, data);
    }
    try {
      return await this.#take(this.#works);
    } catch (cause) {
      const message = `no connection within ${connectionWaitMs} ms: ${String(cause)}`;
      throw new PostgresError('no-connection', message, data, { cause });
    }
  }

  /** Runs what is no call's work. */
  async run<Result>(body: (connection: Connection) => Promise<Result>): Promise<Result> {
    const connection = await this.#take(this.#outcomes);
    try {
      return await body(connection);
    } finally {
      connection.release();
    }
  }

  /** Ends all connections, those of calls once they are given back. */
  async close(): Promise<void> {
    await Promise.all([this.#works.end(), this.#outcomes.end()]);
  }

  async #take(pool: pg.Pool): Promise<Connection> {
    const client = await pool.connect();
    const connection = new Connection(client);
    try {
      const backend = this.#backends.get(client) ?? (await this.#backendOf(client, connection));
      this.#backends.set(client, backend);
      connection.backend = backend;
      return connection;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  /** A pooler answers with a number of its own for the process, and gives each transaction to any process. */
  async #backendOf(client: pg.PoolClient, connection: Connection): Promise<Backend> {
    const [row] = await connection.rows(
      `SELECT pid::text, ${startedUs} AS started FROM pg_catalog.pg_stat_activity
       WHERE pid = pg_catalog.pg_backend_pid()`,
    );
    const { pid, started } = row ?? {};
    // Its types leave it out.
    const { processID } = client as pg.PoolClient & { readonly processID?: unknown };
    if (pid != null && started != null && pid === `${processID}`) {
      return { pid, startedUs: started };
    }
    const message = 'a pooler stands before the PostgreSQL server: connect to the server itself';
    const data = { name: this.#settings.participant };
    throw new PostgresError('unusable-server', message, data);
  }

  #pool(own: pg.PoolConfig): pg.Pool {
    const { participant, connection, connectionWaitMs, statementMs } = this.#settings;
    const pool = new pg.Pool({
      keepAlive: true,
      options: keepalives,
      ...connection,
      application_name: applicationNameOf(participant),
      connectionTimeoutMillis: connectionWaitMs,
      query_timeout: statementMs + graceMs,
      ...own,
    });
    // The pool drops an idle connection that breaks, and opens another one. One that breaks while it is handed out has
    // no other listener for a moment.
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    return pool;
  }
}

/** One connection while one call, or one outcome, has it. */
export class Connection {
  readonly #client: pg.PoolClient;
  readonly #onError = (error: Error): void => {
    this.#broken ??= error;
  };
  #broken: Error | undefined;
  #running = 0;
  #isGivenBack = false;
  backend: Backend = { pid: '', startedUs: '' };

  constructor(client: pg.PoolClient) {
    this.#client = client;
    client.on('error', this.#onError);
  }

  /** Whether the answer to a statement has not come yet. */
  get isRunning(): boolean {
    return this.#running > 0;
  }

  /** Runs statements of the resource's own, in one message: the first one that fails is the last one. */
  async execute(statements: readonly string[]): Promise<void> {
    await this.#run({ text: statements.join('; ') });
  }

  /** Runs one statement of the resource's own, whose columns are all text. */
  async rows(text: string, values: readonly unknown[] = []): Promise<readonly TextRow[]> {
    const { rows } = await this.#run<TextRow>({ text, values: [...values] });
    return rows;
  }

  /** Runs one statement, and no second one in the same text: the extended protocol takes no more. */
  query<Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[],
  ): Promise<pg.QueryResult<Row>> {
    const extended = { queryMode: 'extended' };
    return this.#run<Row>({ text, values: [...values], ...extended });
  }

  /** Gives the connection back; ends it where it is broken. */
  release(): void {
    if (this.#isGivenBack) return;
    this.#isGivenBack = true;
    if (this.#broken === undefined) this.#client.off('error', this.#onError);
    this.#client.release(this.#broken !== undefined);
  }

  /** Gives the connection back without what a call has left in its session: settings, locks, temporary tables. */
  async recycle(): Promise<void> {
    await this.execute(['DISCARD ALL']).catch((error: Error) => this.#onError(error));
    this.release();
  }

  /** Ends the connection. The server rolls back what is open in it, once it notices. */
  destroy(): void {
    this.#onError(new Error('the connection was given up'));
    this.release();
  }

  async #run<Row extends pg.QueryResultRow>(query: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    if (this.#broken !== undefined) throw this.#broken;
    this.#running += 1;
    try {
      return await this.#client.query<Row>(query);
    } catch (error) {
      if (!isRefusal(error)) this.#onError(error instanceof Error ? error : new Error(`${error}`));
      throw error;
    } finally {
      this.#running -= 1;
    }
  }
}

const startedUs = '(extract(epoch FROM backend_start) * 1000000)::bigint::text';

/** Ends the process behind a connection that broke. Whether it is gone: then it does nothing any more. */
export async function endBackend(connection: Connection, backend: Backend): Promise<boolean> {
  const found = await connection.rows(
    `SELECT pg_catalog.pg_terminate_backend(pid)::text AS ended FROM pg_catalog.pg_stat_activity
     WHERE pid = $1::integer AND ${startedUs} = $2`,
    [backend.pid, backend.startedUs],
  );
  return found.length === 0;
}
