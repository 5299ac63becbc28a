import type { ApplicationVote } from '../../../transaction/participant/messages.js';
import type { Backend, Connection } from './connections.js';
import { isRefusal, PostgresError } from './error.js';
import type { Settings } from './options.js';
import { isRefused } from './statement.js';

/** What a statement gave. */
export interface PostgresResult<Row extends object = Record<string, unknown>> {
  readonly rows: readonly Row[];
  /** Rows that were read or changed; `null` where the statement counts none. */
  readonly rowCount: number | null;
}

/**
 * The work of one call: statements in a transaction of its own. It commits if, and only if, the distributed transaction
 * does. Two calls of one distributed transaction are two transactions of the database: neither sees what the other one
 * has changed, and where they need the same row the second waits for its lock, in vain.
 */
export interface PostgresWork {
  /**
   * Runs one statement, with `$1`, `$2` and so on for the values. Rejects with `DatabaseError` of `pg` where the server
   * refuses it: the call then votes to abort, unless the work rolls back to a savepoint from before. Rejects with
   * `PostgresError` for what begins or ends a transaction (`COMMIT`), and for `LISTEN` and `NOTIFY`: the call then votes
   * to abort in any case.
   *
   * PostgreSQL prepares no transaction that has used a temporary table or `pg_notify`; its vote is to abort, too. A call
   * that only reads must not use `pg_notify`: it ends at its vote, and with that the notification is sent.
   */
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<PostgresResult<Row>>;
}

/** What a vote came to, with why it is to abort. */
export type Vote =
  | Exclude<ApplicationVote, { readonly vote: 'aborted' }>
  | { readonly vote: 'aborted'; readonly reason: Error }
  /** The connection broke before the server said whether the transaction is prepared. */
  | { readonly vote: 'unknown'; readonly backend: Backend; readonly reason: Error };

const endedText = 'the transaction of the call ended before its vote';

/** A call's transaction, from `BEGIN` up to `PREPARE TRANSACTION`. */
export class OpenWork implements PostgresWork {
  readonly #settings: Settings;
  readonly #gid: string;
  readonly #connection: Connection;
  /** No more statements are taken. */
  #isOver = false;
  /** Why the vote is to abort, whatever the server says. */
  #doom: PostgresError | undefined;

  constructor(settings: Settings, gid: string, connection: Connection) {
    this.#settings = settings;
    this.#gid = gid;
    this.#connection = connection;
  }

  async begin(): Promise<void> {
    const { isolation, lockWaitMs, statementMs, idleMs } = this.#settings;
    try {
      await this.#connection.execute([
        `BEGIN ISOLATION LEVEL ${isolation} READ WRITE`,
        `SET LOCAL lock_timeout = ${lockWaitMs}`,
        `SET LOCAL statement_timeout = ${statementMs}`,
        `SET LOCAL idle_in_transaction_session_timeout = ${idleMs}`,
        // Ends with the transaction: so the vote sees whether it is still the same one.
        `SET LOCAL concordat.gid = '${this.#gid}'`,
      ]);
    } catch (cause) {
      this.#connection.destroy();
      const message = `no transaction for a call: ${String(cause)}`;
      throw this.#error('no-connection', message, cause);
    }
  }

  async query<Row extends object>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<PostgresResult<Row>> {
    if (this.#isOver) {
      throw this.#error('work-over', 'the call has voted, or is given up: no more statements');
    }
    if (isRefused(text)) {
      const message = `not in a call, whose transaction the participant ends: ${text.trim().slice(0, 80)}`;
      this.#doom = this.#error('refused-statement', message);
      throw this.#doom;
    }
    const { rows, rowCount } = await this.#connection.query<Row & Record<string, unknown>>(
      text,
      values,
    );
    return { rows, rowCount };
  }

  /** The vote. The connection is given back. `table`: where prepared work leaves its marker. */
  async vote(table: string): Promise<Vote> {
    this.#isOver = true;
    if (this.#doom !== undefined) return this.#abort(this.#doom);
    let hasWritten: boolean;
    try {
      hasWritten = await this.#hasWritten();
      if (!hasWritten) await this.#connection.execute(['COMMIT']);
    } catch (reason) {
      return this.#abort(reason);
    }
    if (hasWritten) return this.#prepare(table);
    void this.#connection.recycle();
    return { vote: 'readOnly' };
  }

  /** Gives the work up. The process behind the connection, where it may still be at a statement. */
  giveUp(): Backend | undefined {
    const isVoting = this.#isOver;
    this.#isOver = true;
    if (isVoting || this.#connection.isRunning) {
      this.#connection.destroy();
      return this.#connection.backend;
    }
    void this.#rollBack();
    return undefined;
  }

  /** Whether the transaction has an id: then it has written, or locked rows. */
  async #hasWritten(): Promise<boolean> {
    const [row] = await this.#connection.rows(
      `SELECT pg_catalog.current_setting('concordat.gid', true) AS gid,
         (pg_catalog.pg_current_xact_id_if_assigned() IS NOT NULL)::text AS written`,
    );
    const { gid, written } = row ?? {};
    if (gid === this.#gid) return written === 'true';
    throw this.#error('transaction-ended', endedText);
  }

  /**
   * The marker becomes visible with the commit: so what is no longer prepared was committed if the marker is there.
   * Outside of the call's transaction it is no marker but null, which the table refuses; the server then ignores the
   * rest of the message. A role that the call has taken on could be another one than commits.
   */
  async #prepare(table: string): Promise<Vote> {
    const current = "pg_catalog.current_setting('concordat.gid', true)";
    try {
      await this.#connection.execute([
        'RESET SESSION AUTHORIZATION',
        'RESET ROLE',
        `INSERT INTO ${table} (gid) SELECT CASE ${current} WHEN '${this.#gid}' THEN '${this.#gid}' END`,
        `PREPARE TRANSACTION '${this.#gid}'`,
      ]);
    } catch (cause) {
      if (isRefusal(cause)) return this.#abort(cause);
      this.#connection.destroy();
      const message = `the connection broke while ${this.#gid} was being prepared: ${String(cause)}`;
      const reason = this.#error('unknown-outcome', message, cause);
      return { vote: 'unknown', backend: this.#connection.backend, reason };
    }
    void this.#connection.recycle();
    return { vote: 'prepared', record: new TextEncoder().encode(this.#gid) };
  }

  async #abort(cause: unknown): Promise<Vote> {
    await this.#rollBack();
    const reason = cause instanceof Error ? cause : new Error(String(cause));
    return { vote: 'aborted', reason };
  }

  async #rollBack(): Promise<void> {
    try {
      await this.#connection.execute(['ROLLBACK']);
    } catch {
      // The server rolls back what was open in a connection that has ended.
      this.#connection.destroy();
      return;
    }
    await this.#connection.recycle();
  }

  #error(code: PostgresError['code'], message: string, cause?: unknown): PostgresError {
    const data = { name: this.#settings.participant, gid: this.#gid };
    return new PostgresError(code, message, data, { cause });
  }
}
