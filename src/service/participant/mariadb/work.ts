import type { ApplicationVote } from '../../../transaction/participant/messages.js';
import { MariadbError } from './error.js';
import type { Settings } from './options.js';
import { Reads } from './reads.js';
import { asError, type Session, type Thread } from './session.js';
import { kindOf } from './statement.js';
import { sqlOf } from './xid.js';

/** What a statement gave. */
export interface MariadbResult<Row extends object = Record<string, unknown>> {
  readonly rows: readonly Row[];
  /** Rows that were read, or that a change found. */
  readonly rowCount: number;
}

/**
 * The work of one call: statements in an XA transaction of its own. It commits if, and only if, the distributed
 * transaction does. Two calls of one distributed transaction are two transactions of the database: neither sees what the
 * other one has changed, and where they need the same row the second waits for its lock, in vain.
 */
export interface MariadbWork {
  /**
   * Runs one statement, with `?` for the values. Rejects with `SqlError` of `mariadb` where the server refuses it: the
   * call then votes to abort, unless the work rolls back to a savepoint from before; until then it rejects all else
   * (`statement-failed`). Rejects with `MariadbError` for what begins or ends a transaction (`COMMIT`, `XA`), and for
   * temporary tables: the call then votes to abort in any case. What MariaDB would commit implicitly (`CREATE TABLE`) the
   * server refuses.
   */
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<MariadbResult<Row>>;
}

/** What a vote came to, with why it is to abort. */
export type Vote =
  | (Extract<ApplicationVote, { readonly vote: 'prepared' }> & { readonly thread: Thread })
  | { readonly vote: 'readOnly' }
  | { readonly vote: 'aborted'; readonly reason: Error }
  /** The server did not say that the transaction is prepared, and may have prepared it. */
  | { readonly vote: 'unknown'; readonly thread: Thread; readonly reason: Error };

const endedText = 'the transaction of the call ended before its vote';
/** Ends with the transaction: so the vote sees whether it is still the same one. */
const savepoint = 'concordat_begin';

/** A call's transaction, from `XA START` up to `XA PREPARE`. Its connection ends with it. */
export class OpenWork implements MariadbWork {
  readonly #settings: Settings;
  readonly #xid: string;
  readonly #session: Session;
  readonly #release: () => void;
  readonly #reads: Reads;
  /** No more statements are taken. */
  #isOver = false;
  /** Why the vote is to abort, whatever the server says. */
  #doom: MariadbError | undefined;
  /** Of a statement, and no savepoint from before it has been gone back to. */
  #failure: Error | undefined;

  constructor(settings: Settings, xid: string, session: Session, release: () => void) {
    this.#settings = settings;
    this.#xid = xid;
    this.#session = session;
    this.#release = release;
    this.#reads = new Reads(session);
  }

  async begin(): Promise<void> {
    const { isolation, lockWaitMs, statementMs, idleMs } = this.#settings;
    const lockS = Math.ceil(lockWaitMs / 1_000);
    try {
      await this.#session.run(
        `SET SESSION innodb_lock_wait_timeout = ${lockS}, lock_wait_timeout = ${lockS},
           max_statement_time = ${statementMs / 1_000}, wait_timeout = ${Math.ceil(idleMs / 1_000)}, autocommit = 1`,
      );
      await this.#session.run(`SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`);
      await this.#reads.start();
      await this.#session.run(`XA START ${sqlOf(this.#xid)}`);
      await this.#session.run(`SAVEPOINT ${savepoint}`);
    } catch (cause) {
      this.#destroy();
      throw this.#error('no-connection', `no transaction for a call: ${String(cause)}`, cause);
    }
  }

  async query<Row extends object>(
    text: string,
    values: readonly unknown[] = [],
  ): Promise<MariadbResult<Row>> {
    if (this.#isOver) {
      throw this.#error('work-over', 'the call has voted, or is given up: no more statements');
    }
    const kind = kindOf(text);
    if (kind === 'refused') {
      const message = `not in a call, whose transaction the participant ends: ${text.trim().slice(0, 80)}`;
      this.#doom = this.#error('refused-statement', message);
      throw this.#doom;
    }
    if (this.#failure !== undefined && kind !== 'returning') {
      const message = `a statement failed before (${this.#failure.message}): ROLLBACK TO a savepoint first`;
      throw this.#error('statement-failed', message, this.#failure);
    }
    try {
      this.#reads.count(kind === 'reading');
      const { rows, count } = await this.#session.run(text, values);
      if (kind === 'returning') this.#failure = undefined;
      return { rows: rows as readonly Row[], rowCount: count };
    } catch (error) {
      this.#failure ??= asError(error);
      throw error;
    }
  }

  /** The vote. The connection ends. `table`: where prepared work leaves its marker. */
  async vote(table: string): Promise<Vote> {
    this.#isOver = true;
    try {
      this.#requireNoFault();
      const isReading = this.#settings.isolation !== 'serializable' && (await this.#reads.areAll());
      if (!isReading) {
        await this.#checkUndivided();
        await this.#session.run(`INSERT INTO ${table} (xid) VALUES (?)`, [this.#xid]);
      }
      // Statements that the call did not wait for have ended by now: the connection takes them in order.
      this.#requireNoFault();
      if (isReading) {
        await this.#finish();
        return { vote: 'readOnly' };
      }
      await this.#session.run(`XA END ${sqlOf(this.#xid)}`);
    } catch (reason) {
      return this.#abort(reason);
    }
    return this.#prepare();
  }

  /** Gives the work up. The thread behind the connection, where it may still be at a statement. */
  giveUp(): Thread | undefined {
    const isVoting = this.#isOver;
    this.#isOver = true;
    if (isVoting || this.#session.isRunning) {
      this.#destroy();
      return this.#session.thread;
    }
    void this.#finish().catch(() => this.#destroy());
    return undefined;
  }

  #requireNoFault(): void {
    const fault = this.#doom ?? this.#failure;
    if (fault !== undefined) throw fault;
  }

  /** Whether it is the transaction that was begun, with nothing in it that cannot be rolled back. */
  async #checkUndivided(): Promise<void> {
    if (!(await this.#checkedSession())) {
      throw this.#error('refused-statement', 'the call released a lock of the participant’s own');
    }
    await this.#session.run(`SAVEPOINT ${savepoint}`);
    // A way back to where it stands: the server warns where that would not undo all.
    const { warnings } = await this.#session.run(`ROLLBACK TO SAVEPOINT ${savepoint}`);
    if (warnings === 0) return;
    const message =
      'the call changed a table whose engine cannot roll back: that change stays, although the call aborts. Undo it by ' +
      'hand, and use InnoDB';
    throw this.#error('not-transactional', message);
  }

  /** Whether the session still has the lock that it is known by. Rejects where the transaction is another one. */
  async #checkedSession(): Promise<boolean> {
    const { lockName } = this.#session.thread;
    try {
      await this.#session.run(`RELEASE SAVEPOINT ${savepoint}`);
      const [row] = await this.#session.rows(
        `SELECT IS_USED_LOCK('${lockName}') = CONNECTION_ID() AS held`,
      );
      const { held } = row ?? {};
      return Number(held) === 1;
    } catch (cause) {
      throw this.#error('transaction-ended', endedText, cause);
    }
  }

  /** The marker becomes visible with the commit: so what is no longer prepared was committed if the marker is there. */
  async #prepare(): Promise<Vote> {
    const { thread } = this.#session;
    try {
      await this.#session.run(`XA PREPARE ${sqlOf(this.#xid)}`);
    } catch (cause) {
      this.#destroy();
      const message = `the server did not say that ${this.#xid} is prepared: ${String(cause)}`;
      const reason = this.#error('unknown-outcome', message, cause);
      return { vote: 'unknown', thread, reason };
    }
    await this.#end();
    return { vote: 'prepared', record: new TextEncoder().encode(this.#xid), thread };
  }

  async #abort(cause: unknown): Promise<Vote> {
    await this.#finish().catch(() => this.#destroy());
    return { vote: 'aborted', reason: asError(cause) };
  }

  /** Rolls back. What was begun in a connection that ends is rolled back anyway, only later. */
  async #finish(): Promise<void> {
    // Fails where the server has ended it already.
    await this.#session.run(`XA END ${sqlOf(this.#xid)}`).catch(() => {});
    await this.#session.run(`XA ROLLBACK ${sqlOf(this.#xid)}`).catch(() => {});
    await this.#end();
  }

  async #end(): Promise<void> {
    await this.#session.end();
    this.#release();
  }

  #destroy(): void {
    this.#session.destroy();
    this.#release();
  }

  #error(code: MariadbError['code'], message: string, cause?: unknown): MariadbError {
    const data = { name: this.#settings.participant, xid: this.#xid };
    return new MariadbError(code, message, data, { cause });
  }
}
