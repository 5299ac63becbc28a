import { writeFile } from 'node:fs/promises';
import pg from 'pg';
import { binaries, PostgresServer } from '../../test/support/postgres-server.js';
import { accountNames, openingMinor } from './orders.js';
import { pairs } from './ways.js';

/** Whether a server can be started here. */
export const hasPostgres = binaries !== undefined;

/** Connections of a participant besides those of its calls, and some for the benchmark. */
const otherConnections = 10;

/** A server of PostgreSQL with a database for each of the two participants. */
export class Database {
  readonly #server: PostgresServer;
  readonly #clients: number;

  /** A run that is interrupted while it starts has nothing to stop it by. */
  readonly #onExit = () => {
    const { pid } = this.#server;
    if (pid !== undefined) process.kill(pid, 'SIGQUIT');
  };

  private constructor(server: PostgresServer, clients: number) {
    this.#server = server;
    this.#clients = clients;
    process.once('exit', this.#onExit);
  }

  /** With its usual settings, but for how many may be connected and prepared: so it syncs what it commits. */
  static async start(clients: number): Promise<Database> {
    const server = new PostgresServer();
    const database = new Database(server, clients);
    await server.start(
      `max_connections=${2 * (clients + otherConnections)}`,
      // A client goes on before both participants have done the last outcome.
      `max_prepared_transactions=${4 * clients}`,
      'autovacuum=on',
      'fsync=on',
    );
    try {
      for (const name of pairs.postgres) await database.#open(name);
      return database;
    } catch (error) {
      await database.stop();
      throw error;
    }
  }

  /** Of the process that all others of the server are children of. */
  get pid(): number | undefined {
    return this.#server.pid;
  }

  /** Writes the module of a participant: what its file names as its service. */
  async writeModule(participant: string, file: string): Promise<void> {
    const from = new URL('./nodes/postgres-accounts.js', import.meta.url).href;
    const values = [participant, this.#at(participant), this.#clients];
    await writeFile(
      file,
      `import { postgresAccounts } from '${from}';\n` +
        `export const participant = postgresAccounts(...${JSON.stringify(values)});\n`,
    );
  }

  async stop(): Promise<void> {
    await this.#server.remove();
    process.off('exit', this.#onExit);
  }

  #at(participant: string) {
    return { ...this.#server.at(), database: participant };
  }

  async #open(participant: string): Promise<void> {
    await this.#server.query(`CREATE DATABASE "${participant}"`);
    const client = new pg.Client(this.#at(participant));
    await client.connect();
    try {
      await client.query('CREATE TABLE account (name text PRIMARY KEY, minor bigint NOT NULL)');
      await client.query('INSERT INTO account SELECT unnest($1::text[]), $2::bigint', [
        accountNames(this.#clients),
        openingMinor,
      ]);
    } finally {
      await client.end();
    }
  }
}
