import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess, PostgresServer } from '../../support/postgres-server.js';
import { schema } from './services/stock.js';

/** A row of `entries`: what one transaction has left in a database. */
export interface Entry {
  readonly order: string;
  readonly tid: string;
  readonly sku: string;
  readonly pieces: number;
}

/** What a database holds. */
export interface DatabaseBooks {
  readonly entries: readonly Entry[];
  /** Pieces of each sku. */
  readonly stock: ReadonlyMap<string, number>;
  /** Global identifiers of what is prepared, and has not ended. */
  readonly prepared: readonly string[];
}

const startMaxMs = 60_000;
const lookMs = 20;
const host = '127.0.0.1';
const user = 'owner';
/** Autovacuum runs, as it does where nobody switched it off; connections of killed processes may stay for a while. */
const settings = [
  `listen_addresses=${host}`,
  'max_prepared_transactions=200',
  'max_connections=100',
  'autovacuum=on',
];

/** A PostgreSQL server with a data directory of its own, on loopback. */
export class Database {
  readonly #server: PostgresServer;

  constructor(port: number) {
    this.#server = new PostgresServer({ port, detached: true });
  }

  /** Where its data and its log are. */
  get folder(): string {
    return this.#server.folder;
  }

  /** By what a participant's process finds it. */
  get environment(): Readonly<Record<string, string>> {
    const { port } = this.#server;
    return { PGHOST: host, PGPORT: `${port}`, PGUSER: user, PGDATABASE: 'postgres' };
  }

  async create(): Promise<void> {
    await this.start();
    await this.#server.query(schema);
  }

  /** Resolves once it answers; does nothing where it does already. */
  async start(): Promise<void> {
    if (this.#server.isRunning) return this.#untilUp();
    const late = sleep(startMaxMs, 'late' as const, { ref: false });
    const first = await Promise.race([this.#server.start(...settings), late]);
    if (first === 'late') throw new Error(`${this.folder}: the server does not start`);
  }

  async kill(): Promise<void> {
    await this.#server.killAll();
  }

  /** One of its processes. Resolves when the server has ended all others, too; then it recovers by itself. */
  async killOne(pick: (pids: readonly number[]) => number): Promise<void> {
    const before = new Set(this.#server.processes());
    if (before.size > 0) endProcess(pick([...before]));
    const untilMs = performance.now() + startMaxMs;
    while (this.#server.processes().some((pid) => before.has(pid))) {
      if (performance.now() > untilMs)
        throw new Error(`${this.folder}: the server does not recover`);
      await sleep(lookMs);
    }
  }

  async prepared(): Promise<readonly string[]> {
    const rows = await this.#server.query('SELECT gid FROM pg_prepared_xacts ORDER BY gid');
    return rows.map(({ gid }) => `${gid}`);
  }

  async books(): Promise<DatabaseBooks> {
    const entries = await this.#server.query(
      'SELECT order_id AS order, transaction_id AS tid, sku, pieces FROM entries',
    );
    const stock = await this.#server.query('SELECT sku, pieces FROM stock');
    return {
      entries: entries.map(({ order, tid, sku, pieces }) => ({
        ...{ order: `${order}`, tid: `${tid}`, sku: `${sku}` },
        pieces: Number(pieces),
      })),
      stock: new Map(stock.map(({ sku, pieces }) => [`${sku}`, Number(pieces)])),
      prepared: await this.prepared(),
    };
  }

  /** Ends it in peace; the files stay. */
  async stop(): Promise<void> {
    await this.#server.kill('SIGINT');
  }

  async remove(): Promise<void> {
    await this.#server.remove();
  }

  /** It takes no connection while it recovers. Rejects where it does not run any more. */
  async #untilUp(): Promise<void> {
    const untilMs = performance.now() + startMaxMs;
    for (;;) {
      try {
        await this.#server.query('SELECT 1');
        return;
      } catch (error) {
        if (!this.#server.isRunning || performance.now() > untilMs) throw error;
        await sleep(lookMs);
      }
    }
  }
}
