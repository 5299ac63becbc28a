import { describe, expect, it, vi } from 'vitest';
import { clusterId } from '../../../src/kernel/ids.js';
import { Connections } from '../../../src/service/participant/mariadb/connections.js';
import { mariadb } from '../../../src/service/participant/mariadb/mariadb.js';
import { settingsOf } from '../../../src/service/participant/mariadb/options.js';
import { PreparedTransactions } from '../../../src/service/participant/mariadb/prepared.js';
import { sqlOf } from '../../../src/service/participant/mariadb/xid.js';
import { MariadbRig, titleOf } from '../../support/mariadb-rig.js';
import { programs } from '../../support/mariadb-server.js';
import { takenOne, usedRig } from './support/resource-contract.js';

describe.skipIf(programs === undefined)(titleOf('the start of a resource in MariaDB'), () => {
  const rig = usedRig(() => new MariadbRig());
  const nothing = { prepared: [], records: [] };

  it('gives up what is not on record, and leaves what is, and what is others’', async () => {
    const [mine, others, kept] = [rig().ref(), rig().ref(), rig().ref()];
    const first = await rig().started();
    await takenOne(rig(), first, mine, 'bolt');
    const left = await takenOne(rig(), first, kept, 'nut');
    await first.close();
    await rig().server.query("INSERT INTO stock VALUES ('pin', 10)");
    await takenOne(rig(), await rig().started({ name: 'warehouse-2' }), others, 'pin');
    // Of another transaction manager, in the same form but for its format.
    const foreign = `'${others.tid}','warehouse:warehouse.9',1`;
    await prepareByHand(foreign);
    await rig().started({}, [left]);
    const ours = [rig().idOf(kept), rig().idOf(others, 'warehouse-2')];
    expect(await rig().prepared()).toEqual([...ours, 'another'].sort());
    await rollBackByHand(foreign);
  });

  it('leaves what a participant of its name in another cluster has prepared and committed', async () => {
    const [one, other] = [clusterId('one'), clusterId('other')];
    const refs = [rig().ref(), rig().ref()] as const;
    const theirs = rig().resource();
    await theirs.start({ ...nothing, cluster: one });
    await takenOne(rig(), theirs, refs[0], 'bolt');
    await theirs.commit(refs[0]);
    const left = await takenOne(rig(), theirs, refs[1], 'nut');
    await rig()
      .resource()
      .start({ ...nothing, cluster: other });
    expect(await rig().prepared()).toEqual([rig().idOf(refs[1], 'warehouse', one)]);
    expect(await rig().markers()).toEqual([rig().idOf(refs[0], 'warehouse', one)]);
    const stranger = rig().resource();
    const starting = stranger.start({ ...nothing, prepared: [left], cluster: other });
    await expect(starting).rejects.toMatchObject({ code: 'other-name' });
    await theirs.commit(refs[1]);
    expect(await rig().pieces('nut')).toBe(9);
  });

  it('removes markers of what has ended, and leaves those on record and others’', async () => {
    const first = await rig().started();
    const other = await rig().started({ name: 'other' });
    const refs = [rig().ref(), rig().ref(), rig().ref()] as const;
    const left = await takenOne(rig(), first, refs[0]);
    await first.commit(refs[0]);
    await takenOne(rig(), first, refs[1]);
    await first.commit(refs[1]);
    await takenOne(rig(), other, refs[2]);
    await other.commit(refs[2]);
    await first.close();
    await rig().started({}, [left]);
    expect(await rig().markers()).toEqual(
      [rig().idOf(refs[0]), rig().idOf(refs[2], 'other')].sort(),
    );
  });

  it('says what is lost when it is to be committed, and goes on once that is mended', async () => {
    const first = await rig().started();
    const ref = rig().ref();
    const left = await takenOne(rig(), first, ref);
    await first.close();
    const xid = rig().idOf(ref);
    await rollBackByHand(sqlOf(xid));
    const next = await rig().started({}, [left]);
    await expect(next.commit(ref)).rejects.toMatchObject({ code: 'lost', data: { xid } });
    await expect(next.commit(ref)).rejects.toThrow('neither prepared nor committed');
    await rig().server.query('INSERT INTO concordat_done (xid) VALUES (?)', [xid]);
    await next.commit(ref);
  });

  it('says what was committed by hand when it is to be rolled back', async () => {
    const first = await rig().started();
    const ref = rig().ref();
    await takenOne(rig(), first, ref);
    const xid = rig().idOf(ref);
    await rig().server.query(`XA COMMIT ${sqlOf(xid)}`);
    await expect(first.rollBack(ref)).rejects.toMatchObject({ code: 'committed', data: { xid } });
    await rig().server.query('DELETE FROM concordat_done');
    await first.rollBack(ref);
  });

  it('refuses what was prepared under another name', async () => {
    const left = await takenOne(rig(), await rig().started(), rig().ref());
    const starting = rig()
      .resource({ name: 'depot' })
      .start({ prepared: [left], records: [] });
    await expect(starting).rejects.toMatchObject({ code: 'other-name' });
    expect(await rig().prepared()).toHaveLength(1);
  });

  it('does not start beside another process of the same name', async () => {
    await rig().started();
    const starting = rig().resource({ statementMs: 1 }).start(nothing);
    await expect(starting).rejects.toMatchObject({ code: 'in-use' });
    await expect(starting).rejects.toThrow(/thread \d+/);
  });

  it('waits for a call of a killed process that is still at work', async () => {
    const settings = settingsOf({ name: 'warehouse', connection: rig().server.at() });
    const earlier = new Connections(settings);
    const { session } = await earlier.forWork();
    const starting = rig().resource({ statementMs: 1 }).start(nothing);
    await expect(starting).rejects.toMatchObject({ code: 'in-use' });
    await session.end();
    await rig().started();
    await earlier.close();
  });

  it('says what a user without rights needs', async () => {
    await rig().server.query("CREATE OR REPLACE USER 'clerk'@'localhost'");
    const connection = rig().server.at('server', 'clerk');
    const clerk = () => rig().resource({ name: 'c', connection });
    await rig().server.query('GRANT SELECT, UPDATE ON shop.stock TO clerk@localhost');
    await expect(clerk().start(nothing)).rejects.toThrow(/CREATE TABLE IF NOT EXISTS `shop`/);
    await (await rig().started()).close();
    await expect(clerk().start(nothing)).rejects.toThrow(/GRANT SELECT, INSERT, DELETE/);
    await rig().server.query(
      'GRANT SELECT, INSERT, DELETE ON shop.concordat_done TO clerk@localhost',
    );
    const resource = clerk();
    await resource.start(nothing);
    const ref = rig().ref();
    await takenOne(rig(), resource, ref);
    await resource.commit(ref);
    expect(await rig().pieces()).toBe(9);
  });

  it('refuses a database with tables that cannot be rolled back', async () => {
    await rig().server.query('CREATE TABLE notes (n INT) ENGINE = Aria');
    await expect(rig().resource().start(nothing)).rejects.toThrow('notes (Aria)');
    await rig().server.query('DROP TABLE notes');
    await rig().started();
  });

  it('makes the table once for participants that start together', async () => {
    const names = Array.from({ length: 8 }, (_, n) => `together-${n}`);
    await Promise.all(names.map((name) => rig().started({ name })));
    expect(await rig().markers()).toEqual([]);
  });

  it('keeps the markers of the last commits only, and waits for none that is in doubt', async () => {
    const resource = await rig().started({ name: 'other' });
    await takenOne(rig(), resource, rig().ref());
    const settings = settingsOf({ name: 'warehouse', connection: rig().server.at() });
    const connections = new Connections(settings);
    const xids = Array.from({ length: 24 }, () => rig().idOf(rig().ref()));
    for (const xid of xids) {
      await rig().server.query('INSERT INTO concordat_done (xid) VALUES (?)', [xid]);
    }
    const bounds = { markers: 8, swept: 8 };
    const transactions = new PreparedTransactions(
      connections,
      settings.participant,
      'concordat_done',
      bounds,
    );
    // Committed before: their markers say so.
    for (const xid of xids) await transactions.commit(xid);
    expect(await rig().markers()).toEqual(xids.slice(16).sort());
    await connections.close();
  });

  it.each([
    ['--innodb-flush-log-at-trx-commit=2', 'innodb_flush_log_at_trx_commit = 1'],
    ['--log-bin=bin', 'sync_binlog = 1'],
    ['--read-only', 'connect to the primary'],
  ])('refuses a server with %s, and says what to do', async (setting, remedy) => {
    await rig().stop();
    await rig().server.kill();
    await rig().server.start(setting);
    const starting = rig().resource().start(nothing);
    await expect(starting).rejects.toMatchObject({ code: 'unusable-server' });
    await expect(starting).rejects.toThrow(remedy);
    await rig().stop();
    await rig().server.kill();
    await rig().server.start();
  });

  it('keeps what is in doubt in a server with a binary log that is killed', async () => {
    const binlog = ['--log-bin=bin', '--sync-binlog=1'] as const;
    await rig().stop();
    await rig().server.kill();
    await rig().server.start(...binlog);
    const first = await rig().started();
    const [one, other] = [rig().ref(), rig().ref()];
    const left = [
      await takenOne(rig(), first, one, 'bolt'),
      await takenOne(rig(), first, other, 'nut'),
    ];
    await rig().server.kill();
    await first.close();
    await rig().server.start(...binlog);
    const next = await rig().started({}, left);
    await next.commit(one);
    await next.rollBack(other);
    expect([await rig().pieces('bolt'), await rig().pieces('nut')]).toEqual([9, 10]);
    await rig().stop();
    await rig().server.kill();
    await rig().server.start();
  });

  it('takes only settings that are some', () => {
    const connection = rig().server.at();
    expect(() => mariadb({ name: 'a:b', connection })).toThrow(RangeError);
    expect(() => mariadb({ name: 'a', connection, idleMs: 0 })).toThrow(/idleMs/);
    expect(() => mariadb({ name: 'a', connection, connectionsMax: 257 })).toThrow(/connectionsMax/);
    const isolation = 'chaos; COMMIT' as 'serializable';
    expect(() => mariadb({ name: 'a', connection, isolation })).toThrow(/isolation/);
  });

  /** The server keeps what is prepared for a connection that is being closed a moment longer. */
  async function rollBackByHand(xid: string): Promise<void> {
    await vi.waitFor(() => rig().server.query(`XA ROLLBACK ${xid}`), { timeout: 5000 });
  }

  async function prepareByHand(xid: string): Promise<void> {
    const { createConnection } = await import('mariadb');
    const connection = await createConnection(rig().server.at());
    for (const text of ['XA START', 'XA END', 'XA PREPARE']) {
      await connection.query(`${text} ${xid}`);
      if (text === 'XA START') await connection.query("INSERT INTO stock VALUES ('own', 1)");
    }
    await connection.end();
  }
});
