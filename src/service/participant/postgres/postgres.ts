import type {
  ApplicationVote,
  ApplicationWrite,
  EnlistmentRef,
} from '../../../transaction/participant/messages.js';
import { refKey } from '../../../transaction/participant/messages.js';
import type { LeftWork, PreparedWork, Resource } from '../resource.js';
import { type Backend, Connections } from './connections.js';
import { PostgresError } from './error.js';
import { gidOf } from './gid.js';
import { type PostgresOptions, type Settings, settingsOf } from './options.js';
import { PreparedTransactions } from './prepared.js';
import { takeOver } from './server.js';
import { OpenWork, type PostgresWork } from './work.js';

/**
 * A PostgreSQL database as what a participant keeps its data in. Each call works in a transaction of its own, on a
 * connection of its own; its vote is `PREPARE TRANSACTION`, and commit and roll back finish what is prepared. A call
 * that wrote nothing votes read-only; one with a statement that failed votes to abort.
 *
 * Needs the package `pg`, and a server of version 13 or later with `max_prepared_transactions` above 0. It makes a small
 * table, `concordat_done`, in which each commit leaves a marker for a while: so after a crash what was committed is told
 * from what was lost. Throws `RangeError` where a setting is none.
 *
 * @example
 * ```ts
 * import { postgres, type PostgresWork } from 'concordat/postgres';
 *
 * export const resource = postgres({
 *   name: 'warehouse',
 *   connection: 'postgres://warehouse@db.internal/stock',
 *   onAborted: ({ tid }, reason) => console.error(`${tid} aborts: ${reason.message}`),
 * });
 *
 * // What an operation of the participant does with its work.
 * export async function reserve(work: PostgresWork, sku: string, pieces: number): Promise<boolean> {
 *   const { rowCount } = await work.query(
 *     'UPDATE stock SET pieces = pieces - $2 WHERE sku = $1 AND pieces >= $2',
 *     [sku, pieces],
 *   );
 *   return rowCount === 1;
 * }
 * ```
 */
export function postgres(options: PostgresOptions): Resource<PostgresWork> {
  return new PostgresResource(settingsOf(options));
}

/** What the resource holds for one call. */
type Held =
  | { readonly kind: 'open'; readonly work: OpenWork }
  | { readonly kind: 'prepared' }
  /** It may be prepared, or may be yet: the connection broke before the answer. */
  | { readonly kind: 'unknown'; readonly backend: Backend };

/** From a start to the close after it. */
interface Run {
  readonly connections: Connections;
  readonly transactions: PreparedTransactions;
}

class PostgresResource implements Resource<PostgresWork> {
  readonly #settings: Settings;
  readonly #held = new Map<string, Held>();
  #run: Run | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  async start({ prepared }: LeftWork): Promise<void> {
    if (this.#run !== undefined) throw new Error('start has been called already');
    const kept = prepared.map((work) => this.#gidOnRecord(work));
    const connections = new Connections(this.#settings);
    try {
      const table = await connections.run((connection) =>
        takeOver(connection, this.#settings, kept),
      );
      const { participant } = this.#settings;
      const transactions = new PreparedTransactions(connections, participant, table);
      this.#run = { connections, transactions };
    } catch (error) {
      await connections.close();
      throw error;
    }
    for (const { ref } of prepared) this.#held.set(refKey(ref), { kind: 'prepared' });
  }

  async begin(ref: EnlistmentRef): Promise<PostgresWork> {
    // Nothing may be prepared before what an earlier run left is known.
    const run = this.#started();
    const connection = await run.connections.forWork();
    if (this.#run !== run) {
      connection.release();
      throw new PostgresError('no-connection', 'the participant stops', { name: this.#name });
    }
    const work = new OpenWork(this.#settings, this.#gidOf(ref), connection);
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
      case 'prepared':
        this.#held.set(key, { kind: 'prepared' });
        return vote;
      case 'readOnly':
        this.#held.delete(key);
        return vote;
      case 'aborted':
        this.#held.delete(key);
        this.#settings.onAborted(ref, vote.reason);
        return { vote: 'aborted' };
      case 'unknown':
        this.#held.set(key, { kind: 'unknown', backend: vote.backend });
        this.#settings.onAborted(ref, vote.reason);
        throw vote.reason;
    }
  }

  async commit(ref: EnlistmentRef): Promise<readonly ApplicationWrite[]> {
    await this.#started().transactions.commit(this.#gidOf(ref));
    this.#held.delete(refKey(ref));
    return [];
  }

  async rollBack(ref: EnlistmentRef): Promise<void> {
    const { transactions } = this.#started();
    const key = refKey(ref);
    const held = this.#held.get(key);
    if (held === undefined) return;
    await this.#giveUp(transactions, held, this.#gidOf(ref));
    this.#held.delete(key);
  }

  async close(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    for (const held of this.#held.values()) if (held.kind === 'open') held.work.giveUp();
    this.#held.clear();
    await run?.connections.close();
  }

  async #giveUp(transactions: PreparedTransactions, held: Held, gid: string): Promise<void> {
    switch (held.kind) {
      case 'open': {
        const backend = held.work.giveUp();
        // Its own limits end a statement that the server cannot be asked to end now.
        if (backend !== undefined) await transactions.end(backend, gid).catch(() => {});
        return;
      }
      case 'prepared':
        return transactions.rollBack(gid);
      case 'unknown':
        return transactions.rollBackUnknown(gid, held.backend);
    }
  }

  #gidOf(ref: EnlistmentRef): string {
    return gidOf(this.#settings.participant, ref);
  }

  /** Throws where the participant has prepared it under another name. */
  #gidOnRecord({ ref, record }: PreparedWork): string {
    const gid = this.#gidOf(ref);
    const recorded = new TextDecoder().decode(record);
    if (recorded === gid) return gid;
    const message = `${recorded} is in doubt, and was prepared under another name: start with that name, not ${this.#name}`;
    throw new PostgresError('other-name', message, { name: this.#name, gid: recorded });
  }

  get #name(): string {
    return this.#settings.participant;
  }

  #started(): Run {
    if (this.#run === undefined) throw new Error('the resource has not started');
    return this.#run;
  }
}
