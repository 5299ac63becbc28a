import type {
  ApplicationVote,
  ApplicationWrite,
  EnlistmentRef,
} from '../../../transaction/participant/messages.js';
import { refKey } from '../../../transaction/participant/messages.js';
import type { LeftWork, PreparedWork, Resource } from '../resource.js';
import { Connections } from './connections.js';
import { MariadbError } from './error.js';
import { type MariadbOptions, type Settings, settingsOf } from './options.js';
import { PreparedTransactions } from './prepared.js';
import { takeOver } from './server.js';
import type { Thread } from './session.js';
import { type MariadbWork, OpenWork } from './work.js';
import { xidOf } from './xid.js';

/**
 * A MariaDB database as what a participant keeps its data in. Each call works in an XA transaction of its own, on a
 * connection of its own; its vote is `XA PREPARE`, and commit and roll back finish what is prepared. A call that only ran
 * `SELECT` votes read-only; one with a statement that failed votes to abort.
 *
 * Needs the package `mariadb`, and a server of version 10.5 or later; MySQL is refused. All tables of the database are
 * InnoDB's. It makes a small table, `concordat_done`, in which each commit leaves a marker for a while: so after a crash
 * what was committed is told from what was lost. Throws `RangeError` where a setting is none.
 *
 * @example
 * ```ts
 * import { mariadb, type MariadbWork } from 'concordat/mariadb';
 *
 * export const resource = mariadb({
 *   name: 'warehouse',
 *   connection: { host: 'db.internal', user: 'warehouse', database: 'stock' },
 *   onAborted: ({ tid }, reason) => console.error(`${tid} aborts: ${reason.message}`),
 * });
 *
 * // What an operation of the participant does with its work.
 * export async function reserve(work: MariadbWork, sku: string, pieces: number): Promise<boolean> {
 *   const { rowCount } = await work.query(
 *     'UPDATE stock SET pieces = pieces - ? WHERE sku = ? AND pieces >= ?',
 *     [pieces, sku, pieces],
 *   );
 *   return rowCount === 1;
 * }
 * ```
 */
export function mariadb(options: MariadbOptions): Resource<MariadbWork> {
  return new MariadbResource(options);
}

/** What the resource holds for one call. */
type Held =
  | { readonly kind: 'open'; readonly work: OpenWork }
  /** `thread`: which prepared it in this run. */
  | { readonly kind: 'prepared'; readonly thread?: Thread }
  /** It may be prepared, or may be yet. */
  | { readonly kind: 'unknown'; readonly thread: Thread };

/** From a start to the close after it. */
interface Run {
  readonly connections: Connections;
  readonly transactions: PreparedTransactions;
}

class MariadbResource implements Resource<MariadbWork> {
  readonly #options: MariadbOptions;
  #settings: Settings;
  readonly #held = new Map<string, Held>();
  #run: Run | undefined;

  constructor(options: MariadbOptions) {
    this.#options = options;
    this.#settings = settingsOf(options);
  }

  async start({ prepared, cluster }: LeftWork): Promise<void> {
    if (this.#run !== undefined) throw new Error('start has been called already');
    this.#settings = settingsOf(this.#options, cluster);
    const kept = prepared.map((work) => this.#xidOnRecord(work));
    const connections = new Connections(this.#settings);
    try {
      const table = await connections.run((session) =>
        takeOver(session, connections, this.#settings, kept),
      );
      const transactions = new PreparedTransactions(connections, this.#name, table);
      this.#run = { connections, transactions };
    } catch (error) {
      await connections.close();
      throw error;
    }
    for (const { ref } of prepared) this.#held.set(refKey(ref), { kind: 'prepared' });
  }

  async begin(ref: EnlistmentRef): Promise<MariadbWork> {
    // Nothing may be prepared before what an earlier run left is known.
    const run = this.#started();
    const { session, release } = await run.connections.forWork();
    const work = new OpenWork(this.#settings, this.#xidOf(ref), session, release);
    if (this.#run !== run) {
      work.giveUp();
      throw new MariadbError('no-connection', 'the participant stops', { name: this.#name });
    }
    const key = refKey(ref);
    this.#held.set(key, { kind: 'open', work });
    try {
      await work.begin();
    } catch (error) {
      this.#held.delete(key);
      throw error;
    }
    return work;
  }

  async prepare(ref: EnlistmentRef): Promise<ApplicationVote> {
    const { table } = this.#started().transactions;
    const key = refKey(ref);
    const held = this.#held.get(key);
    if (held?.kind !== 'open') throw new Error(`no work is open for ${key}`);
    const vote = await held.work.vote(table);
    switch (vote.vote) {
      case 'prepared': {
        const { record, thread } = vote;
        this.#held.set(key, { kind: 'prepared', thread });
        return { vote: 'prepared', record };
      }
      case 'readOnly':
        this.#held.delete(key);
        return vote;
      case 'aborted':
        this.#held.delete(key);
        this.#settings.onAborted(ref, vote.reason);
        return { vote: 'aborted' };
      case 'unknown':
        this.#held.set(key, { kind: 'unknown', thread: vote.thread });
        this.#settings.onAborted(ref, vote.reason);
        throw vote.reason;
    }
  }

  async commit(ref: EnlistmentRef): Promise<readonly ApplicationWrite[]> {
    const { transactions } = this.#started();
    const held = this.#held.get(refKey(ref));
    const thread = held?.kind === 'prepared' ? held.thread : undefined;
    await transactions.commit(this.#xidOf(ref), thread);
    this.#held.delete(refKey(ref));
    return [];
  }

  async rollBack(ref: EnlistmentRef): Promise<void> {
    const { transactions } = this.#started();
    const key = refKey(ref);
    const held = this.#held.get(key);
    if (held === undefined) return;
    await this.#giveUp(transactions, held, this.#xidOf(ref));
    this.#held.delete(key);
  }

  async close(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    for (const held of this.#held.values()) if (held.kind === 'open') held.work.giveUp();
    this.#held.clear();
    await run?.connections.close();
  }

  async #giveUp(transactions: PreparedTransactions, held: Held, xid: string): Promise<void> {
    switch (held.kind) {
      case 'open': {
        const thread = held.work.giveUp();
        // Its own limits end a statement that the server cannot be asked to end now.
        if (thread !== undefined) await transactions.end(thread, xid).catch(() => {});
        return;
      }
      case 'prepared':
        return transactions.rollBack(xid, held.thread);
      case 'unknown':
        return transactions.rollBackUnknown(xid, held.thread);
    }
  }

  #xidOf(ref: EnlistmentRef): string {
    return xidOf(this.#settings.owner, ref);
  }

  /** Throws where it was prepared under another name, or for another cluster or database. */
  #xidOnRecord({ ref, record }: PreparedWork): string {
    const xid = this.#xidOf(ref);
    const recorded = new TextDecoder().decode(record);
    if (recorded === xid) return xid;
    const message =
      `${recorded} is in doubt, and was prepared under another name, or for another cluster or database: start with ` +
      `those, not as ${xid}`;
    throw new MariadbError('other-name', message, { name: this.#name, xid: recorded });
  }

  get #name(): Settings['participant'] {
    return this.#settings.participant;
  }

  #started(): Run {
    if (this.#run === undefined) throw new Error('the resource has not started');
    return this.#run;
  }
}
