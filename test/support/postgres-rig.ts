import { randomUUID } from 'node:crypto';
import { enlistmentId, transactionId } from '../../src/kernel/ids.js';
import type { PostgresOptions } from '../../src/service/participant/postgres/options.js';
import { postgres } from '../../src/service/participant/postgres/postgres.js';
import type { PostgresWork } from '../../src/service/participant/postgres/work.js';
import type { PreparedWork, Resource } from '../../src/service/participant/resource.js';
import type { EnlistmentRef } from '../../src/transaction/participant/messages.js';
import { binaries, PostgresServer } from './postgres-server.js';

/** Says in a test's title why it is skipped; where `CI=true` there must be a server. */
export function titleOf(title: string): string {
  if (binaries !== undefined) return title;
  if (CI === 'true') throw new Error(missing);
  return `${title} (skipped: ${missing})`;
}

const { CI } = process.env;
const missing = 'no PostgreSQL server; install Debian’s postgresql, or set POSTGRES_BIN';

/** A database with some stock, and the participants that a test starts on it. */
export class StockRig {
  readonly server = new PostgresServer();
  /** Why votes were to abort. */
  readonly reasons: Error[] = [];
  readonly #open: Resource<PostgresWork>[] = [];
  #refs = 0;

  async start(...settings: readonly string[]): Promise<void> {
    await this.server.start(...settings);
    await this.server.query('CREATE TABLE stock (sku text PRIMARY KEY, pieces int NOT NULL)');
  }

  /** Between tests: nothing is open, nothing prepared, and there are ten bolts. */
  async reset(): Promise<void> {
    await this.stop();
    for (const gid of await this.prepared()) await this.server.query(`ROLLBACK PREPARED '${gid}'`);
    await this.server.query(
      `TRUNCATE stock; INSERT INTO stock VALUES ('bolt', 10), ('nut', 10);
       DROP TABLE IF EXISTS concordat_done`,
    );
    this.reasons.length = 0;
  }

  /** A participant that has not started. */
  resource(options: Partial<PostgresOptions> = {}): Resource<PostgresWork> {
    const resource = postgres({
      name: 'warehouse',
      connection: this.server.at(),
      lockWaitMs: 200,
      onAborted: (_, reason) => this.reasons.push(reason),
      ...options,
    });
    this.#open.push(resource);
    return resource;
  }

  async started(
    options: Partial<PostgresOptions> = {},
    prepared: readonly PreparedWork[] = [],
  ): Promise<Resource<PostgresWork>> {
    const resource = this.resource(options);
    await resource.start({ prepared, records: [] });
    return resource;
  }

  /** Ends all participants of the test. */
  async stop(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((resource) => resource.close()));
  }

  async remove(): Promise<void> {
    await this.stop();
    await this.server.remove();
  }

  ref(participant = 'warehouse'): EnlistmentRef {
    this.#refs += 1;
    return {
      tid: transactionId(randomUUID()),
      enlistment: enlistmentId(`${participant}.${this.#refs}`),
    };
  }

  /** Global identifiers of all that is prepared. */
  async prepared(): Promise<string[]> {
    const rows = await this.server.query('SELECT gid FROM pg_prepared_xacts ORDER BY gid');
    return rows.map(({ gid }) => String(gid));
  }

  async markers(): Promise<string[]> {
    const rows = await this.server.query('SELECT gid FROM concordat_done ORDER BY gid');
    return rows.map(({ gid }) => String(gid));
  }

  async pieces(sku = 'bolt'): Promise<number> {
    const [row] = await this.server.query('SELECT pieces FROM stock WHERE sku = $1', [sku]);
    const { pieces } = row ?? {};
    return Number(pieces);
  }

  take(work: PostgresWork, sku = 'bolt'): Promise<void> {
    return takeOne(work, sku);
  }

  async look(work: PostgresWork): Promise<void> {
    await work.query('SELECT pieces FROM stock');
  }
}

export async function takeOne(work: PostgresWork, sku = 'bolt'): Promise<void> {
  await work.query('UPDATE stock SET pieces = pieces - 1 WHERE sku = $1', [sku]);
}

/** One call that takes a piece, up to its vote; what is on record then. */
export async function preparedOne(
  resource: Resource<PostgresWork>,
  ref: EnlistmentRef,
  sku = 'bolt',
): Promise<PreparedWork> {
  await takeOne(await resource.begin(ref), sku);
  const vote = await resource.prepare(ref);
  if (vote.vote !== 'prepared') throw new Error(`the vote is ${vote.vote}`);
  return { ref, record: vote.record };
}
