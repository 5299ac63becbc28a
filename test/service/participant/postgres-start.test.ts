import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { postgres } from '../../../src/service/participant/postgres/postgres.js';
import { preparedOne, StockRig, titleOf } from '../../support/postgres-rig.js';
import { binaries } from '../../support/postgres-server.js';

describe.skipIf(binaries === undefined)(titleOf('a resource in PostgreSQL, at its start'), () => {
  let rig: StockRig;
  beforeAll(async () => {
    rig = new StockRig();
    await rig.start();
  });
  beforeEach(() => rig.reset());
  afterAll(async () => {
    await rig?.stop();
    await rig?.server.remove();
  });
  const nothing = { prepared: [], records: [] };

  it('gives up what is not on record, and leaves what is, and what is others’', async () => {
    const [mine, others, kept] = [rig.ref(), rig.ref(), rig.ref()];
    const first = await rig.started();
    await preparedOne(first, mine, 'bolt');
    const left = await preparedOne(first, kept, 'nut');
    await first.close();
    await rig.server.query("INSERT INTO stock VALUES ('pin', 10)");
    await preparedOne(await rig.started({ name: 'warehouse-2' }), others, 'pin');
    await rig.started({}, [left]);
    expect(await rig.prepared()).toEqual(
      [
        `concordat:warehouse:${kept.tid}:${kept.enlistment}`,
        `concordat:warehouse-2:${others.tid}:${others.enlistment}`,
      ].sort(),
    );
  });

  it('removes markers of what has ended, and leaves those on record and others’', async () => {
    const first = await rig.started();
    const other = await rig.started({ name: 'other' });
    const refs = [rig.ref(), rig.ref(), rig.ref()] as const;
    const left = await preparedOne(first, refs[0]);
    await first.commit(refs[0]);
    await preparedOne(first, refs[1]);
    await first.commit(refs[1]);
    await preparedOne(other, refs[2]);
    await other.commit(refs[2]);
    await first.close();
    await rig.started({}, [left]);
    expect(await rig.markers()).toEqual(
      [
        `concordat:warehouse:${refs[0].tid}:${refs[0].enlistment}`,
        `concordat:other:${refs[2].tid}:${refs[2].enlistment}`,
      ].sort(),
    );
  });

  it('says what is lost when it is to be committed, and goes on once that is mended', async () => {
    const first = await rig.started();
    const ref = rig.ref();
    const left = await preparedOne(first, ref);
    await first.close();
    const [gid = ''] = await rig.prepared();
    await rig.server.query(`ROLLBACK PREPARED '${gid}'`);
    const next = await rig.started({}, [left]);
    await expect(next.commit(ref)).rejects.toMatchObject({ code: 'lost', data: { gid } });
    await expect(next.commit(ref)).rejects.toThrow('neither prepared nor committed');
    await rig.server.query('INSERT INTO concordat_done (gid) VALUES ($1)', [gid]);
    await next.commit(ref);
  });

  it('says what was committed by hand when it is to be rolled back', async () => {
    const first = await rig.started();
    const ref = rig.ref();
    await preparedOne(first, ref);
    const [gid = ''] = await rig.prepared();
    await rig.server.query(`COMMIT PREPARED '${gid}'`);
    await expect(first.rollBack(ref)).rejects.toMatchObject({ code: 'committed', data: { gid } });
    await rig.server.query('DELETE FROM concordat_done');
    await first.rollBack(ref);
  });

  it('refuses what was prepared under another name', async () => {
    const first = await rig.started();
    const left = await preparedOne(first, rig.ref());
    const renamed = rig.resource({ name: 'depot' });
    const starting = renamed.start({ prepared: [left], records: [] });
    await expect(starting).rejects.toMatchObject({ code: 'other-name' });
    expect(await rig.prepared()).toHaveLength(1);
  });

  it('does not start beside another process of the same name', async () => {
    await rig.started();
    const starting = rig.resource({ statementMs: 1 }).start(nothing);
    await expect(starting).rejects.toMatchObject({ code: 'in-use' });
    await expect(starting).rejects.toThrow(/processes \d+/);
  });

  it('takes connection strings, but no other name in one, and no read-only role', async () => {
    const { host } = rig.server.at();
    const url = (rest: string) => `postgres://owner@localhost/postgres?host=${host}${rest}`;
    await rig.started({ connection: url('') });
    const named = rig.resource({ connection: url('&application_name=mine') });
    await expect(named.start(nothing)).rejects.toThrow('application_name is mine');
    await rig.server.query('CREATE ROLE reader LOGIN');
    await rig.server.query('ALTER ROLE reader SET default_transaction_read_only = on');
    const reader = rig.resource({ name: 'r', connection: rig.server.at(5432, 'reader') });
    await expect(reader.start(nothing)).rejects.toThrow('default_transaction_read_only = off');
  });

  it('says what a role without rights needs', async () => {
    await rig.server.query('CREATE ROLE clerk LOGIN');
    const clerk = () => rig.resource({ name: 'c', connection: rig.server.at(5432, 'clerk') });
    await expect(clerk().start(nothing)).rejects.toThrow(/CREATE TABLE IF NOT EXISTS "public"/);
    await rig.started();
    await expect(clerk().start(nothing)).rejects.toThrow(/GRANT SELECT, INSERT, DELETE/);
    await rig.server.query('GRANT SELECT, INSERT, DELETE ON concordat_done TO clerk');
    await rig.server.query('GRANT SELECT, UPDATE ON stock TO clerk');
    const ref = rig.ref();
    const resource = clerk();
    await resource.start(nothing);
    await preparedOne(resource, ref);
    await resource.commit(ref);
    expect(await rig.pieces()).toBe(9);
  });

  it('makes the table in the schema that is named', async () => {
    await rig.server.query('CREATE SCHEMA IF NOT EXISTS "my ""own"');
    const resource = await rig.started({ schema: 'my "own' });
    const ref = rig.ref();
    await preparedOne(resource, ref);
    await resource.commit(ref);
    expect(await rig.server.query('SELECT gid FROM "my ""own".concordat_done')).toHaveLength(1);
  });

  it('starts again after it was closed', async () => {
    const resource = await rig.started();
    const ref = rig.ref();
    const left = await preparedOne(resource, ref);
    await resource.close();
    await resource.start({ prepared: [left], records: [] });
    await resource.commit(ref);
    expect(await rig.pieces()).toBe(9);
  });

  it('makes the table once for participants that start together', async () => {
    const names = Array.from({ length: 8 }, (_, n) => `together-${n}`);
    await Promise.all(names.map((name) => rig.started({ name })));
    expect(await rig.markers()).toEqual([]);
  });

  it('rejects where no server answers, and can be asked again', async () => {
    const resource = rig.resource();
    await rig.server.kill();
    await expect(resource.start(nothing)).rejects.toThrow();
    await rig.server.start();
    await resource.start(nothing);
  });

  it.each([
    ['max_prepared_transactions=0', 'ALTER SYSTEM SET max_prepared_transactions'],
    ['fsync=off', 'set fsync = on'],
  ])('refuses a server with %s, and says what to do', async (setting, remedy) => {
    await rig.stop();
    await rig.server.kill('SIGQUIT');
    await rig.server.start(setting);
    const starting = rig.resource().start(nothing);
    await expect(starting).rejects.toMatchObject({ code: 'unusable-server' });
    await expect(starting).rejects.toThrow(remedy);
    await rig.stop();
    await rig.server.kill('SIGQUIT');
    await rig.server.start();
  });

  it('takes only settings that are some', () => {
    const connection = rig.server.at();
    expect(() => postgres({ name: 'a:b', connection })).toThrow(RangeError);
    expect(() => postgres({ name: 'a', connection, idleMs: 0 })).toThrow(/idleMs/);
    const isolation = 'chaos; COMMIT' as 'serializable';
    expect(() => postgres({ name: 'a', connection, isolation })).toThrow(/isolation/);
  });
});
