import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { enlistmentId, transactionId } from '../../../src/kernel/ids.js';
import { preparedOne, StockRig, takeOne, titleOf } from '../../support/postgres-rig.js';
import { binaries } from '../../support/postgres-server.js';

describe.skipIf(binaries === undefined)(titleOf('a resource in PostgreSQL'), () => {
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

  it('commits what was prepared, and only then shows it', async () => {
    const resource = await rig.started();
    const ref = rig.ref();
    const { record } = await preparedOne(resource, ref);
    const gid = `concordat:warehouse:${ref.tid}:${ref.enlistment}`;
    expect(new TextDecoder().decode(record)).toBe(gid);
    expect(await rig.prepared()).toEqual([gid]);
    expect(await rig.pieces()).toBe(10);
    expect(await resource.commit(ref)).toEqual([]);
    expect(await rig.pieces()).toBe(9);
    expect(await rig.markers()).toEqual([gid]);
    // Asked again, as after a restart.
    expect(await resource.commit(ref)).toEqual([]);
    expect(await rig.pieces()).toBe(9);
  });

  it('rolls back what was prepared, what was not, and what never was', async () => {
    const resource = await rig.started();
    const [first, second] = [rig.ref(), rig.ref()];
    await preparedOne(resource, first, 'bolt');
    const work = await resource.begin(second);
    await takeOne(work, 'nut');
    for (const ref of [first, first, second, second, rig.ref()]) await resource.rollBack(ref);
    expect(await rig.prepared()).toEqual([]);
    expect([await rig.pieces('bolt'), await rig.pieces('nut')]).toEqual([10, 10]);
    expect(await rig.markers()).toEqual([]);
    await expect(takeOne(work)).rejects.toMatchObject({ code: 'work-over' });
  });

  it('votes read-only where nothing was written, and keeps nothing', async () => {
    const resource = await rig.started();
    const ref = rig.ref();
    const work = await resource.begin(ref);
    const { rows, rowCount } = await work.query<{ pieces: number }>('SELECT pieces FROM stock');
    expect([rows.length, rowCount]).toEqual([2, 2]);
    expect(await resource.prepare(ref)).toEqual({ vote: 'readOnly' });
    await expect(work.query('SELECT 1')).rejects.toMatchObject({ code: 'work-over' });
    expect(await rig.prepared()).toEqual([]);
  });

  it('counts a row that was locked as written: the lock stays until the outcome', async () => {
    const resource = await rig.started();
    const ref = rig.ref();
    await (await resource.begin(ref)).query("SELECT * FROM stock WHERE sku = 'bolt' FOR UPDATE");
    expect(await resource.prepare(ref)).toMatchObject({ vote: 'prepared' });
  });

  it('votes to abort after a statement that failed, and says why', async () => {
    const resource = await rig.started();
    const ref = rig.ref();
    const work = await resource.begin(ref);
    await takeOne(work);
    await expect(work.query("INSERT INTO stock VALUES ('bolt', 1)")).rejects.toMatchObject({
      code: '23505',
    });
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    expect(rig.reasons).toHaveLength(1);
    await resource.rollBack(ref);
    expect(await rig.pieces()).toBe(10);
  });

  it('goes on after a savepoint', async () => {
    const resource = await rig.started();
    const ref = rig.ref();
    const work = await resource.begin(ref);
    await work.query('SAVEPOINT before');
    await expect(work.query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' });
    await work.query('ROLLBACK TO SAVEPOINT before');
    await takeOne(work);
    expect(await resource.prepare(ref)).toMatchObject({ vote: 'prepared' });
  });

  it.each([
    ['a constraint that is checked at the end', 'INSERT INTO late VALUES (1), (1)'],
    ['a temporary table', 'CREATE TEMPORARY TABLE mine (n int)'],
    ['a notification', "UPDATE stock SET pieces = length(pg_notify('a', 'b')::text)"],
  ])('votes to abort where PostgreSQL does not prepare: %s', async (_, statement) => {
    await rig.server.query(
      'CREATE TABLE IF NOT EXISTS late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)',
    );
    const resource = await rig.started();
    const ref = rig.ref();
    const work = await resource.begin(ref);
    await work.query(statement);
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    expect(await rig.markers()).toEqual([]);
  });

  it.each([
    'COMMIT',
    ' /* /* */ */ ; commit work',
    '--\nEND',
    'ROLLBACK',
    'BEGIN',
    'PREPARE a AS SELECT 1',
  ])('refuses %j, and votes to abort', async (statement) => {
    const resource = await rig.started();
    const ref = rig.ref();
    const work = await resource.begin(ref);
    await takeOne(work);
    await expect(work.query(statement)).rejects.toMatchObject({ code: 'refused-statement' });
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    expect(await rig.pieces()).toBe(10);
  });

  it.each([
    ['in a second statement', 'SELECT 1; COMMIT'],
    ['in a block', 'DO $$ BEGIN COMMIT; END $$'],
  ])('does not end the transaction %s', async (_, statement) => {
    const resource = await rig.started();
    const ref = rig.ref();
    const work = await resource.begin(ref);
    await takeOne(work);
    await expect(work.query(statement)).rejects.toThrow();
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    expect(await rig.pieces()).toBe(10);
  });

  it('leaves nothing in the session for the next call', async () => {
    const resource = await rig.started({ connectionsMax: 1 });
    await rig.server.query('DROP ROLE IF EXISTS guest; CREATE ROLE guest');
    await rig.server.query('GRANT SELECT, UPDATE ON stock TO guest');
    const ref = rig.ref();
    const work = await resource.begin(ref);
    for (const text of ['SET search_path = nowhere', 'SET ROLE guest']) await work.query(text);
    await work.query('SELECT pg_advisory_lock(7)');
    await work.query('UPDATE public.stock SET pieces = 1');
    expect(await resource.prepare(ref)).toMatchObject({ vote: 'prepared' });
    const after = await (await resource.begin(rig.ref())).query(
      "SELECT current_user::text, current_setting('search_path') AS path, count(*)::int AS locks FROM pg_locks WHERE locktype = 'advisory'",
    );
    expect(after.rows).toEqual([{ current_user: 'owner', path: '"$user", public', locks: 0 }]);
    // The role of the participant prepared it: so it may commit it.
    await resource.commit(ref);
    expect(await rig.pieces()).toBe(1);
  });

  it('runs calls beside each other, and refuses what waits too long for a lock', async () => {
    const resource = await rig.started();
    const [first, second, third] = [rig.ref(), rig.ref(), rig.ref()];
    await Promise.all([preparedOne(resource, first, 'bolt'), preparedOne(resource, second, 'nut')]);
    const work = await resource.begin(third);
    // The first one holds its row until its outcome.
    await expect(takeOne(work, 'bolt')).rejects.toMatchObject({ code: '55P03' });
    expect(await resource.prepare(third)).toEqual({ vote: 'aborted' });
    await Promise.all([resource.commit(first), resource.commit(second)]);
    expect([await rig.pieces('bolt'), await rig.pieces('nut')]).toEqual([9, 9]);
  });

  it('commits while every connection of calls waits for the lock', async () => {
    const resource = await rig.started({ connectionsMax: 1, lockWaitMs: 20_000 });
    const [first, second] = [rig.ref(), rig.ref()];
    await preparedOne(resource, first);
    const taking = takeOne(await resource.begin(second));
    await resource.commit(first);
    await taking;
    expect(await resource.prepare(second)).toMatchObject({ vote: 'prepared' });
  });

  it('refuses a call for which no connection gets free in time', async () => {
    const resource = await rig.started({ connectionsMax: 1, connectionWaitMs: 50 });
    const [first, second] = [rig.ref(), rig.ref()];
    await resource.begin(first);
    await expect(resource.begin(second)).rejects.toMatchObject({ code: 'no-connection' });
    await resource.rollBack(second);
    await resource.rollBack(first);
    await resource.begin(second);
  });

  it('ends a statement that is under way when the work is given up', async () => {
    const resource = await rig.started({ lockWaitMs: 20_000 });
    const [first, second] = [rig.ref(), rig.ref()];
    await preparedOne(resource, first);
    const taking = takeOne(await resource.begin(second));
    const refused = expect(taking).rejects.toThrow();
    await resource.rollBack(second);
    await refused;
    const rows = await rig.server.query(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'concordat:warehouse' AND wait_event_type = 'Lock'",
    );
    expect(rows).toEqual([]);
  });

  it('votes to abort where the work was idle too long', async () => {
    const resource = await rig.started({ idleMs: 30 });
    const ref = rig.ref();
    await takeOne(await resource.begin(ref));
    await rig.server.query('SELECT pg_sleep(0.2)');
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    expect(await rig.pieces()).toBe(10);
  });

  it('votes to abort where the server is full of prepared transactions', async () => {
    const resource = await rig.started();
    await rig.server.query('INSERT INTO stock SELECT n::text, 1 FROM generate_series(1, 20) AS n');
    for (let n = 1; n <= 20; n += 1) await preparedOne(resource, rig.ref(), String(n));
    const ref = rig.ref();
    await takeOne(await resource.begin(ref));
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    expect(rig.reasons[0]).toMatchObject({ code: '53200' });
  });

  it('shortens long identifiers, and keeps them apart', async () => {
    const name = 'w'.repeat(63);
    const resource = await rig.started({ name });
    const tid = transactionId('00000000-0000-4000-8000-000000000001');
    const refs = ['1', '2'].map((own) => ({
      tid,
      enlistment: enlistmentId(`${name}.${'e'.repeat(60)}${own}`),
    }));
    await preparedOne(resource, refs[0] ?? rig.ref(), 'bolt');
    await preparedOne(resource, refs[1] ?? rig.ref(), 'nut');
    expect(await rig.prepared()).toHaveLength(2);
    for (const ref of refs) await resource.commit(ref);
    expect([await rig.pieces('bolt'), await rig.pieces('nut')]).toEqual([9, 9]);
  });

  it('stops while calls are open and waiting', async () => {
    const resource = await rig.started({
      connectionsMax: 1,
      lockWaitMs: 20_000,
      connectionWaitMs: 500,
    });
    await preparedOne(resource, rig.ref());
    const taking = expect(takeOne(await resource.begin(rig.ref()))).rejects.toThrow();
    const waiting = expect(resource.begin(rig.ref())).rejects.toMatchObject({
      code: 'no-connection',
    });
    await resource.close();
    await Promise.all([taking, waiting]);
    expect(await rig.prepared()).toHaveLength(1);
  });
});
