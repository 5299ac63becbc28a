import { MariadbError } from './error.js';
import { type Settings, slotsMax } from './options.js';
import { Session, type Thread } from './session.js';
import { Slots } from './slots.js';
import { lockNameOf } from './xid.js';

/** Calls, or outcomes, that wait for a connection; one more is refused at once. */
const waitingMax = 1_024;
/** Connections beside those of calls: no outcome waits for a call that waits for its locks. */
const outcomeConnectionsMax = 2;
/** How much longer than a statement may take a thread of an earlier process is waited for. */
const leavingMs = 2_000;
/** Connections of outcomes stay open, and say so: the server ends those of a machine that is gone within a minute. */
const beatMs = 20_000;
const silenceS = 60;
/** How long an outcome waits for what locks the whole server, in seconds; it is asked for again. */
const outcomeLockS = 5;

/** The connections of one participant: one for each call at work, and some for all else. */
export class Connections {
  readonly #settings: Settings;
  readonly #works: Slots;
  readonly #outcomes = new Slots(outcomeConnectionsMax, waitingMax);
  /** By slot. */
  readonly #open = new Map<number, Session>();
  readonly #running = new Set<Promise<unknown>>();
  readonly #beat: NodeJS.Timeout;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#works = new Slots(settings.connectionsMax, waitingMax);
    this.#beat = setInterval(() => {
      for (const session of this.#open.values()) session.run('DO 1').catch(() => {});
    }, beatMs);
    this.#beat.unref();
  }

  /**
   * A new connection for the work of a call, and what to call once it has ended. Rejects with `MariadbError` where there
   * is none in time.
   */
  async forWork(): Promise<{ readonly session: Session; readonly release: () => void }> {
    const { connectionWaitMs } = this.#settings;
    const slot = await this.#works.take(connectionWaitMs).catch(this.#none);
    try {
      const session = await this.#opened(`work-${slot}`, connectionWaitMs);
      return { session, release: once(() => this.#works.give(slot)) };
    } catch (error) {
      this.#works.give(slot);
      return this.#none(error);
    }
  }

  /** Runs what is no call's work. */
  async run<Result>(body: (session: Session) => Promise<Result>): Promise<Result> {
    const { statementMs, connectionWaitMs } = this.#settings;
    const slot = await this.#outcomes.take(statementMs + connectionWaitMs);
    const done = this.#runAt(slot, body);
    const ended = done.catch(() => {});
    this.#running.add(ended);
    try {
      return await done;
    } finally {
      this.#running.delete(ended);
      this.#outcomes.give(slot);
    }
  }

  /** Names of all locks that a connection of this participant may hold. */
  get lockNames(): readonly string[] {
    const { owner } = this.#settings;
    const numbered = (name: string, count: number) =>
      Array.from({ length: count }, (_, slot) => lockNameOf(owner, `${name}-${slot}`));
    return [...numbered('outcome', outcomeConnectionsMax), ...numbered('work', slotsMax)];
  }

  /** Ends the connections of outcomes, once those are through. Calls end theirs. */
  async close(): Promise<void> {
    clearInterval(this.#beat);
    this.#works.close();
    this.#outcomes.close();
    await Promise.all(this.#running);
    await Promise.all([...this.#open.values()].map((session) => session.end()));
    this.#open.clear();
  }

  async #runAt<Result>(slot: number, body: (session: Session) => Promise<Result>): Promise<Result> {
    return body(this.#usable(slot) ?? (await this.#openAt(slot)));
  }

  #usable(slot: number): Session | undefined {
    const session = this.#open.get(slot);
    return session?.isBroken ? undefined : session;
  }

  async #openAt(slot: number): Promise<Session> {
    const { statementMs } = this.#settings;
    const session = await this.#opened(`outcome-${slot}`, statementMs + leavingMs);
    this.#open.set(slot, session);
    await session.run(
      `SET SESSION max_statement_time = 0, lock_wait_timeout = ${outcomeLockS}, wait_timeout = ${silenceS},
         innodb_lock_wait_timeout = ${outcomeLockS}, autocommit = 1`,
    );
    return session;
  }

  #opened(slot: string, waitMs: number): Promise<Session> {
    return Session.open(this.#settings, lockNameOf(this.#settings.owner, slot), waitMs);
  }

  readonly #none = (cause: unknown): never => {
    if (cause instanceof MariadbError && cause.code === 'unusable-server') throw cause;
    const { connectionWaitMs, participant: name } = this.#settings;
    const message = `no connection within ${connectionWaitMs} ms: ${String(cause)}`;
    throw new MariadbError('no-connection', message, { name }, { cause });
  };
}

/** A call may be given up while it votes. */
function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}

/** Ends the thread behind a connection that broke. Whether it is gone: then it does nothing any more. */
export async function endThread(session: Session, { id, lockName }: Thread): Promise<boolean> {
  const [row] = await session.rows(`SELECT IS_USED_LOCK('${lockName}') AS holder`);
  const { holder } = row ?? {};
  if (holder == null || Number(holder) !== id) return true;
  // Where it goes just now, there is no such thread.
  await session.run(`KILL CONNECTION ${id}`).catch(() => {});
  return false;
}
