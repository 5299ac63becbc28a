import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Connection,
  Connections,
} from '../../../src/service/participant/postgres/connections.js';
import { settingsOf } from '../../../src/service/participant/postgres/options.js';
import { PreparedTransactions } from '../../../src/service/participant/postgres/prepared.js';
import { OpenWork } from '../../../src/service/participant/postgres/work.js';
import { StockRig, takeOne, titleOf } from '../../support/postgres-rig.js';
import { binaries } from '../../support/postgres-server.js';

/** What a call can do only where the refusal of its statements fails. */
describe.skipIf(binaries === undefined)(titleOf('a transaction that ends before its vote'), () => {
  const table = '"public".concordat_done';
  let rig: StockRig;
  let connections: Connections;
  beforeAll(async () => {
    rig = new StockRig();
    await rig.start();
  });
  beforeEach(async () => {
    await rig.reset();
    await rig.started({ name: 'other' });
  });
  afterAll(async () => {
    await rig?.stop();
    await rig?.server.remove();
  });

  async function begun(): Promise<{ work: OpenWork; connection: Connection }> {
    const settings = settingsOf({ name: 'warehouse', connection: rig.server.at() });
    connections = new Connections(settings);
    const connection = await connections.forWork();
    const work = new OpenWork(settings, 'concordat:warehouse:1:1', connection);
    await work.begin();
    await takeOne(work);
    return { work, connection };
  }

  it.each([['COMMIT'], ['COMMIT', 'BEGIN', 'UPDATE stock SET pieces = 1'], ['ROLLBACK', 'BEGIN']])(
    'is no vote: %s %s',
    async (...statements) => {
      const { work, connection } = await begun();
      await connection.execute(statements);
      expect(await work.vote(table)).toMatchObject({
        vote: 'aborted',
        reason: { code: 'transaction-ended' },
      });
      expect([await rig.prepared(), await rig.markers()]).toEqual([[], []]);
      await connections.close();
    },
  );

  it('is no vote, and leaves no marker, even between the look and PREPARE TRANSACTION', async () => {
    const { work, connection } = await begun();
    const rows = connection.rows.bind(connection);
    connection.rows = async (...query) => {
      const found = await rows(...query);
      await connection.execute(['COMMIT']);
      return found;
    };
    expect(await work.vote(table)).toMatchObject({ vote: 'aborted' });
    expect([await rig.prepared(), await rig.markers()]).toEqual([[], []]);
    await connections.close();
  });

  it('keeps the markers of the last commits only', async () => {
    const settings = settingsOf({ name: 'warehouse', connection: rig.server.at() });
    connections = new Connections(settings);
    const gids = Array.from({ length: 24 }, (_, n) => `concordat:warehouse:${100 + n}`);
    await rig.server.query(`INSERT INTO ${table} SELECT unnest($1::text[])`, [gids]);
    const bounds = { markers: 8, swept: 8 };
    const transactions = new PreparedTransactions(connections, settings.participant, table, bounds);
    // Committed before: their markers say so.
    for (const gid of gids) await transactions.commit(gid);
    expect(await rig.markers()).toEqual(gids.slice(16));
    await connections.close();
  });
});
