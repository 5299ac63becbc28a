import { randomUUID } from 'node:crypto';
import { describe } from 'vitest';
import { enlistmentId, transactionId } from '../../../src/kernel/ids.js';
import type { PreparedWork, Resource } from '../../../src/service/participant/resource.js';
import { Table, type TableWork } from '../../../src/service/participant/table.js';
import type { EnlistmentRef } from '../../../src/transaction/participant/messages.js';
import { MariadbRig, titleOf as mariadbTitle } from '../../support/mariadb-rig.js';
import { programs } from '../../support/mariadb-server.js';
import { titleOf as postgresTitle, StockRig } from '../../support/postgres-rig.js';
import { binaries } from '../../support/postgres-server.js';
import {
  itKeepsTheContract,
  type ResourceRig,
  type RigOptions,
  usedRig,
} from './support/resource-contract.js';

/** A table, and the store that its participant would have. */
class TableRig implements ResourceRig<TableWork> {
  readonly #store = new Map<string, Uint8Array | null>();
  #table = new StoredTable(this.#store);
  #refs = 0;

  async start(): Promise<void> {}

  async reset(): Promise<void> {
    this.#store.clear();
  }

  async remove(): Promise<void> {}

  async started(
    _: RigOptions = {},
    prepared: readonly PreparedWork[] = [],
  ): Promise<Resource<TableWork>> {
    this.#table = new StoredTable(this.#store);
    await this.#table.start({ prepared, records: [] });
    return this.#table;
  }

  ref(): EnlistmentRef {
    this.#refs += 1;
    return { tid: transactionId(randomUUID()), enlistment: enlistmentId(`table.${this.#refs}`) };
  }

  async take(work: TableWork, sku = 'bolt'): Promise<void> {
    await work.set(sku, Number(await work.get(sku)) - 1);
  }

  async look(work: TableWork): Promise<void> {
    await work.get('bolt');
  }

  async pieces(sku = 'bolt'): Promise<number> {
    return Number(this.#table.peek(sku));
  }
}

/** Writes what a commit has the participant write. */
class StoredTable extends Table {
  readonly #store: Map<string, Uint8Array | null>;

  constructor(store: Map<string, Uint8Array | null>) {
    super({ bolt: 10, nut: 10 });
    this.#store = store;
  }

  override start({ prepared }: Parameters<Table['start']>[0]): Promise<void> {
    const records = [...this.#store].flatMap(([key, value]) => (value ? [{ key, value }] : []));
    return super.start({ prepared, records });
  }

  override async commit(ref: EnlistmentRef): ReturnType<Table['commit']> {
    const writes = await super.commit(ref);
    for (const { key, value } of writes) this.#store.set(key, value);
    return writes;
  }
}

describe('a resource keeps its contract', () => {
  describe('in a table', () => itKeepsTheContract(usedRig(() => new TableRig())));
  describe.skipIf(binaries === undefined)(postgresTitle('in PostgreSQL'), () =>
    itKeepsTheContract(usedRig(() => new StockRig())),
  );
  describe.skipIf(programs === undefined)(mariadbTitle('in MariaDB'), () =>
    itKeepsTheContract(usedRig(() => new MariadbRig())),
  );
});
