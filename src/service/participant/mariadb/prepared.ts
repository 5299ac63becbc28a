import { setTimeout as pause } from 'node:timers/promises';
import type { ParticipantId } from '../../../kernel/ids.js';
import { type Connections, endThread } from './connections.js';
import { isRolledBack, isUnknownXid, MariadbError } from './error.js';
import type { Session, Thread } from './session.js';
import { type RecoverRow, readXid, sqlOf } from './xid.js';

const limits = {
  /**
   * Markers of commits that stay. A participant's store makes its records durable in their order: so an end that it may
   * have lost in a crash is among as many last ones as it has enlistments open at a time, which is less.
   */
  markers: 16_384,
  /** Markers that are deleted at a time. */
  swept: 256,
};
/** How often it is looked whether a thread has ended, or has left its transaction; the participant asks again. */
const looksMax = 20;
const lookMs = 50;

/** What is prepared at the server, and how it ends. */
export class PreparedTransactions {
  readonly #connections: Connections;
  readonly #participant: ParticipantId;
  /** With its database, quoted. */
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

  /** Commits it, or sees that it is committed. Rejects where it is lost. `thread`: which prepared it. */
  async commit(xid: string, thread?: Thread): Promise<void> {
    await this.#connections.run(async (session) => {
      if (await this.#finished(session, 'COMMIT', xid, thread)) return;
      if (await this.#hasMarker(session, xid)) return;
      throw this.#error('lost', xid, lostText(xid, this.table));
    });
    this.#committed.push(xid);
    if (this.#committed.length >= this.#limits.markers + this.#limits.swept) await this.#sweep();
  }

  /** Rolls it back, or sees that it is no longer there. Rejects where it is committed. */
  async rollBack(xid: string, thread?: Thread): Promise<void> {
    await this.#connections.run(async (session) => {
      if (await this.#finished(session, 'ROLLBACK', xid, thread)) return;
      if (!(await this.#hasMarker(session, xid))) return;
      throw this.#error('committed', xid, committedText(xid, this.table));
    });
  }

  /** Rolls back what may have been prepared, or may be yet, by a thread whose connection broke. */
  async rollBackUnknown(xid: string, thread: Thread): Promise<void> {
    await this.end(thread, xid);
    await this.rollBack(xid);
  }

  /** Ends the thread behind a broken connection. Rejects where it is still there. */
  end(thread: Thread, xid: string): Promise<void> {
    return this.#connections.run((session) => this.#ended(session, thread, xid));
  }

  async #finished(
    session: Session,
    how: 'COMMIT' | 'ROLLBACK',
    xid: string,
    thread: Thread | undefined,
  ): Promise<boolean> {
    const first = await finish(session, how, xid);
    if (first !== 'attached') return first === 'done';
    // A connection that broke, and the server does not know.
    if (thread !== undefined) await this.#ended(session, thread, xid);
    for (let looks = 0; looks < looksMax; looks += 1) {
      const next = await finish(session, how, xid);
      if (next !== 'attached') return next === 'done';
      await pause(lookMs);
    }
    const message = `a connection of the server still holds ${xid}, and does not leave it`;
    throw this.#error('unknown-outcome', xid, message);
  }

  async #ended(session: Session, thread: Thread, xid: string): Promise<void> {
    for (let looks = 0; looks < looksMax; looks += 1) {
      if (await endThread(session, thread)) return;
      await pause(lookMs);
    }
    const message = `thread ${thread.id} of the server may still prepare ${xid}, and does not end`;
    throw this.#error('unknown-outcome', xid, message);
  }

  /** Asked after it is known that nothing is prepared: a commit is visible before the transaction is gone. */
  async #hasMarker(session: Session, xid: string): Promise<boolean> {
    const text = `SELECT xid FROM ${this.table} WHERE xid = ?`;
    return (await session.rows(text, [xid])).length > 0;
  }

  /** What cannot be deleted now is deleted at the next start. */
  async #sweep(): Promise<void> {
    const swept = this.#committed.slice(0, this.#limits.swept);
    this.#committed = this.#committed.slice(this.#limits.swept);
    await this.#connections
      .run((session) => deleteMarkers(session, this.table, swept))
      .catch(() => {});
  }

  #error(code: MariadbError['code'], xid: string, message: string): MariadbError {
    return new MariadbError(code, message, { name: this.#participant, xid });
  }
}

/**
 * What `XA COMMIT` or `XA ROLLBACK` came to. `attached`: it is prepared, and a connection that is still there has it; the
 * server then says that it does not know it. `none`: nothing is prepared.
 */
export async function finish(
  session: Session,
  how: 'COMMIT' | 'ROLLBACK',
  xid: string,
): Promise<'done' | 'attached' | 'none'> {
  try {
    await session.run(`XA ${how} ${sqlOf(xid)}`);
    return 'done';
  } catch (error) {
    if (isRolledBack(error)) return how === 'ROLLBACK' ? 'done' : 'none';
    if (!isUnknownXid(error)) throw error;
  }
  return (await preparedXids(session)).includes(xid) ? 'attached' : 'none';
}

/** All that participants have prepared at this server. */
export async function preparedXids(session: Session): Promise<readonly string[]> {
  const rows = (await session.rows('XA RECOVER')) as unknown as readonly RecoverRow[];
  return rows.map(readXid).filter((xid) => xid !== undefined);
}

/** One row a statement, by its key: a range would wait for the markers of what is in doubt. */
export async function deleteMarkers(
  session: Session,
  table: string,
  xids: readonly string[],
): Promise<void> {
  const lists = xids.map((xid) => [xid]);
  await session.batch(`DELETE FROM ${table} WHERE xid = ?`, lists);
}

function lostText(xid: string, table: string): string {
  return (
    `${xid} is to be committed, and is neither prepared nor committed in this database, though the participant voted ` +
    'for it: it was rolled back by hand, or the server was restored from an older copy. Make its changes by hand; ' +
    `then INSERT INTO ${table} (xid) VALUES ('${xid}'), and the participant goes on`
  );
}

function committedText(xid: string, table: string): string {
  return (
    `${xid} is to be rolled back, and is committed in this database: it was committed by hand. Undo its changes by ` +
    `hand; then DELETE FROM ${table} WHERE xid = '${xid}', and the participant goes on`
  );
}
