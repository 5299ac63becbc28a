import { setTimeout as pause } from 'node:timers/promises';
import type { ParticipantId } from '../../../kernel/ids.js';
import { type Backend, type Connection, type Connections, endBackend } from './connections.js';
import { PostgresError, sqlStateOf } from './error.js';

const limits = {
  /**
   * Markers of commits that stay. A participant's store makes its records durable in their order: so an end that it may
   * have lost in a crash is among as many last ones as it has enlistments open at a time, which is less.
   */
  markers: 16_384,
  /** Markers that are deleted at a time. */
  swept: 256,
};
/** How often it is looked whether the process behind a broken connection has ended; the participant asks again. */
const looksMax = 20;
const lookMs = 50;

/** `undefined_object`: no such prepared transaction. */
const noSuchTransaction = '42704';
/** `object_in_use`: another process of the server is ending the prepared transaction. */
const inUse = '55006';

/** What is prepared in the database, and how it ends. */
export class PreparedTransactions {
  readonly #connections: Connections;
  readonly #participant: ParticipantId;
  /** With its schema, quoted. */
  readonly table: string;
  readonly #limits: typeof limits;
  /** Committed in this run, the oldest first. */
  #committed: string[] = [];

  constructor(
    connections: Connections,
    participant: ParticipantId,
    table: string,
    bounds: typeof limits = limits,
  ) {
    this.#connections = connections;
    this.#participant = participant;
    this.table = table;
    this.#limits = bounds;
  }

  /** Commits it, or sees that it is committed. Rejects where it is lost. */
  async commit(gid: string): Promise<void> {
    await this.#connections.run(async (connection) => {
      if (await this.#finish(connection, 'COMMIT', gid)) return;
      if (await this.#hasMarker(connection, gid)) return;
      throw this.#error('lost', gid, lostText(gid, this.table));
    });
    this.#committed.push(gid);
    if (this.#committed.length >= this.#limits.markers + this.#limits.swept) await this.#sweep();
  }

  /** Rolls it back, or sees that it is no longer there. Rejects where it is committed. */
  async rollBack(gid: string): Promise<void> {
    await this.#connections.run(async (connection) => {
      if (await this.#finish(connection, 'ROLLBACK', gid)) return;
      if (!(await this.#hasMarker(connection, gid))) return;
      throw this.#error('committed', gid, committedText(gid, this.table));
    });
  }

  /** Rolls back what may have been prepared, or may be yet, by a process whose connection broke. */
  async rollBackUnknown(gid: string, backend: Backend): Promise<void> {
    await this.end(backend, gid);
    await this.rollBack(gid);
  }

  /** Ends the process behind a broken connection. Rejects where it is still there. */
  async end(backend: Backend, gid: string): Promise<void> {
    await this.#connections.run(async (connection) => {
      for (let looks = 0; looks < looksMax; looks += 1) {
        if (await endBackend(connection, backend)) return;
        await pause(lookMs);
      }
      const message = `process ${backend.pid} of the server may still prepare ${gid}, and does not end`;
      throw this.#error('unknown-outcome', gid, message);
    });
  }

  /**
   * False where there is no such prepared transaction. While another process of the server has it, such as one behind a
   * connection that has just broken, it is asked for again.
   */
  async #finish(connection: Connection, how: 'COMMIT' | 'ROLLBACK', gid: string): Promise<boolean> {
    for (let looks = 1; ; looks += 1) {
      try {
        await connection.execute([`${how} PREPARED '${gid}'`]);
        return true;
      } catch (error) {
        const state = sqlStateOf(error);
        if (state === noSuchTransaction) return false;
        if (state !== inUse || looks >= looksMax) throw error;
      }
      await pause(lookMs);
    }
  }

  /** Asked after it is known that nothing is prepared: a commit is visible before the transaction is gone. */
  async #hasMarker(connection: Connection, gid: string): Promise<boolean> {
    const text = `SELECT gid FROM ${this.table} WHERE gid = $1`;
    return (await connection.rows(text, [gid])).length > 0;
  }

  /** What cannot be deleted now is deleted at the next start. */
  async #sweep(): Promise<void> {
    const swept = this.#committed.slice(0, this.#limits.swept);
    this.#committed = this.#committed.slice(this.#limits.swept);
    const text = `DELETE FROM ${this.table} WHERE gid = ANY($1::text[])`;
    await this.#connections.run((connection) => connection.rows(text, [swept])).catch(() => {});
  }

  #error(code: PostgresError['code'], gid: string, message: string): PostgresError {
    return new PostgresError(code, message, { name: this.#participant, gid });
  }
}

function lostText(gid: string, table: string): string {
  return (
    `${gid} is to be committed, and is neither prepared nor committed in this database, though the participant voted ` +
    'for it: it was rolled back by hand, or the server was restored from an older copy. Make its changes by hand; ' +
    `then INSERT INTO ${table} (gid) VALUES ('${gid}'), and the participant goes on`
  );
}

function committedText(gid: string, table: string): string {
  return (
    `${gid} is to be rolled back, and is committed in this database: it was committed by hand. Undo its changes by ` +
    `hand; then DELETE FROM ${table} WHERE gid = '${gid}', and the participant goes on`
  );
}
