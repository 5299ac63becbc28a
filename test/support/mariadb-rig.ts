import { randomUUID } from 'node:crypto';
import {
  type ClusterId,
  enlistmentId,
  participantId,
  transactionId,
} from '../../src/kernel/ids.js';
import { mariadb } from '../../src/service/participant/mariadb/mariadb.js';
import type { MariadbOptions } from '../../src/service/participant/mariadb/options.js';
import type { MariadbWork } from '../../src/service/participant/mariadb/work.js';
import {
  ownerOf,
  type RecoverRow,
  readXid,
  sqlOf,
  xidOf,
} from '../../src/service/participant/mariadb/xid.js';
import type { PreparedWork, Resource } from '../../src/service/participant/resource.js';
import type { EnlistmentRef } from '../../src/transaction/participant/messages.js';
import { MariadbServer, programs } from './mariadb-server.js';

/** Says in a test's title why it is skipped; where `CI=true` there must be a server. */
export function titleOf(title: string): string {
  if (programs !== undefined) return title;
  if (CI === 'true') throw new Error(missing);
  return `${title} (skipped: ${missing})`;
}

const { CI } = process.env;
const missing = 'no MariaDB server; install Debian’s mariadb-server, or set MARIADB_BIN';

/** A database with some stock, and the participants that a test starts on it. */
export class MariadbRig {
  readonly server = new MariadbServer();
  /** Why votes were to abort. */
  readonly reasons: Error[] = [];
  readonly #open: Resource<MariadbWork>[] = [];
  #refs = 0;

  async start(...settings: readonly string[]): Promise<void> {
    await this.server.start(...settings);
    await this.server.query(
      'CREATE TABLE stock (sku VARCHAR(20) PRIMARY KEY, pieces INT NOT NULL) ENGINE = InnoDB',
    );
  }

  /** Between tests: nothing is open, nothing prepared, and there are ten bolts. */
  async reset(): Promise<void> {
    await this.stop();
    for (const xid of await this.prepared()) await this.server.query(`XA ROLLBACK ${sqlOf(xid)}`);
    await this.server.query('DELETE FROM stock');
    await this.server.query("INSERT INTO stock VALUES ('bolt', 10), ('nut', 10)");
    await this.server.query('DROP TABLE IF EXISTS concordat_done');
    this.reasons.length = 0;
  }

  /** A participant that has not started. */
  resource(options: Partial<MariadbOptions> = {}): Resource<MariadbWork> {
    const resource = mariadb({
      name: 'warehouse',
      connection: this.server.at(),
      lockWaitMs: 1_000,
      onAborted: (_, reason) => this.reasons.push(reason),
      ...options,
    });
    this.#open.push(resource);
    return resource;
  }

  async started(
    options: Partial<MariadbOptions> = {},
    prepared: readonly PreparedWork[] = [],
  ): Promise<Resource<MariadbWork>> {
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

  idOf(ref: EnlistmentRef, name = 'warehouse', cluster?: ClusterId): string {
    return xidOf(ownerOf(participantId(name), this.server.at().database, cluster), ref);
  }

  /** Identifiers of all that participants have prepared. */
  async prepared(): Promise<string[]> {
    const rows = (await this.server.query('XA RECOVER')) as unknown as RecoverRow[];
    return rows.map((row) => readXid(row) ?? 'another').sort();
  }

  async markers(): Promise<string[]> {
    const rows = await this.server.query('SELECT xid FROM concordat_done ORDER BY xid');
    return rows.map(({ xid }) => String(xid));
  }

  async pieces(sku = 'bolt'): Promise<number> {
    const [row] = await this.server.query('SELECT pieces FROM stock WHERE sku = ?', [sku]);
    const { pieces } = row ?? {};
    return Number(pieces);
  }

  async take(work: MariadbWork, sku = 'bolt'): Promise<void> {
    await work.query('UPDATE stock SET pieces = pieces - 1 WHERE sku = ?', [sku]);
  }

  async look(work: MariadbWork): Promise<void> {
    await work.query('SELECT pieces FROM stock');
  }
}
