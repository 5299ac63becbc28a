import { describe, expect, it, vi } from 'vitest';
import { enlistmentId, transactionId } from '../../../src/kernel/ids.js';
import { MariadbRig, titleOf } from '../../support/mariadb-rig.js';
import { programs } from '../../support/mariadb-server.js';
import { takenOne, usedRig } from './support/resource-contract.js';

describe.skipIf(programs === undefined)(titleOf('a resource in MariaDB'), () => {
  const rig = usedRig(() => new MariadbRig());

  /** What a call with these statements votes. */
  async function voteFor(...statements: readonly string[]) {
    const resource = await rig().started();
    const ref = rig().ref();
    const work = await resource.begin(ref);
    for (const text of statements) await work.query(text);
    return resource.prepare(ref);
  }

  it('prepares under the transaction’s identifier, and leaves a marker with the commit', async () => {
    const resource = await rig().started();
    const ref = rig().ref();
    const { record } = await takenOne(rig(), resource, ref);
    const xid = rig().idOf(ref);
    const [tid, owner, realm, enlistment] = xid.split(':');
    expect([tid, owner, enlistment]).toEqual([ref.tid, 'warehouse', ref.enlistment]);
    expect(realm).toMatch(/^[0-9a-f]{12}$/);
    expect(new TextDecoder().decode(record)).toBe(xid);
    expect(await rig().prepared()).toEqual([xid]);
    expect(await rig().markers()).toEqual([]);
    await resource.commit(ref);
    expect(await rig().markers()).toEqual([xid]);
  });

  it('takes values, and says how many rows there were', async () => {
    const resource = await rig().started();
    const work = await resource.begin(rig().ref());
    const text = 'UPDATE stock SET pieces = pieces WHERE sku = ?';
    expect(await work.query(text, ['bolt'])).toEqual({ rows: [], rowCount: 1 });
    expect(await work.query(text, ["' OR 1 = 1 -- "])).toEqual({ rows: [], rowCount: 0 });
    expect(await work.query('SELECT sku FROM stock WHERE pieces > ? ORDER BY sku', [1])).toEqual({
      rows: [{ sku: 'bolt' }, { sku: 'nut' }],
      rowCount: 2,
    });
  });

  describe('which reads', () => {
    it.each([
      ['by SELECT', ['SELECT * FROM stock', ' /* a */ (select count(*) c from stock)']],
      ['through a function', ['SELECT greatest(1, 2)']],
    ])('votes read-only: %s', async (_, statements) => {
      expect(await voteFor(...statements)).toEqual({ vote: 'readOnly' });
      expect(await rig().prepared()).toEqual([]);
    });

    it.each([
      ['locks a row', ["SELECT * FROM stock WHERE sku = 'bolt' FOR UPDATE"]],
      ['shares a lock', ['SELECT * FROM stock LOCK IN SHARE MODE']],
      ['locks a row in a function', ['SELECT locking()']],
      ['writes in a function', ['SELECT writing()']],
      ['went back to a savepoint', ['SAVEPOINT a', 'SELECT 1', 'ROLLBACK TO a']],
    ])('keeps its locks where it %s', async (_, statements) => {
      await rig().server.query(
        `CREATE OR REPLACE FUNCTION locking() RETURNS INT READS SQL DATA BEGIN
           DECLARE found INT; SELECT pieces INTO found FROM stock WHERE sku = 'bolt' FOR UPDATE; RETURN found; END`,
      );
      await rig().server.query(
        `CREATE OR REPLACE FUNCTION writing() RETURNS INT MODIFIES SQL DATA BEGIN
           UPDATE stock SET pieces = 1 WHERE sku = 'bolt'; RETURN 1; END`,
      );
      expect(await voteFor(...statements)).toMatchObject({ vote: 'prepared' });
    });

    it('keeps its locks where every read locks', async () => {
      const resource = await rig().started({ isolation: 'serializable' });
      const ref = rig().ref();
      await rig().look(await resource.begin(ref));
      expect(await resource.prepare(ref)).toMatchObject({ vote: 'prepared' });
    });
  });

  it('votes to abort after a statement that failed, and says why', async () => {
    const resource = await rig().started();
    const ref = rig().ref();
    const work = await resource.begin(ref);
    await rig().take(work);
    const twice = "INSERT INTO stock VALUES ('bolt', 1)";
    await expect(work.query(twice)).rejects.toMatchObject({ errno: 1062 });
    // MariaDB would go on, with half of the work.
    await expect(rig().take(work)).rejects.toMatchObject({ code: 'statement-failed' });
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    expect(rig().reasons).toMatchObject([{ errno: 1062 }]);
    expect(await rig().pieces()).toBe(10);
  });

  it('goes on after a savepoint', async () => {
    const resource = await rig().started();
    const ref = rig().ref();
    const work = await resource.begin(ref);
    await work.query('SAVEPOINT a');
    await expect(work.query('SELECT nothing')).rejects.toMatchObject({ errno: 1054 });
    await work.query('ROLLBACK TO SAVEPOINT a');
    await rig().take(work);
    expect(await resource.prepare(ref)).toMatchObject({ vote: 'prepared' });
  });

  it.each([
    'COMMIT',
    ' /* */ ; commit work',
    '#\nROLLBACK',
    'BEGIN',
    'START TRANSACTION',
    "XA END 'a'",
    '/*!COMMIT*/',
    '/*M! COMMIT */',
    'CREATE TEMPORARY TABLE mine (n INT)',
  ])('refuses %j, and votes to abort', async (statement) => {
    const resource = await rig().started();
    const ref = rig().ref();
    const work = await resource.begin(ref);
    await rig().take(work);
    await expect(work.query(statement)).rejects.toMatchObject({ code: 'refused-statement' });
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    expect(await rig().pieces()).toBe(10);
  });

  it.each([
    ['a definition', 'CREATE TABLE late (n INT)'],
    ['TRUNCATE', 'TRUNCATE stock'],
    ['LOCK TABLES', 'LOCK TABLES stock WRITE'],
    ['a second statement', 'SELECT 1; COMMIT'],
    ['a text that is run', "EXECUTE IMMEDIATE 'COMMIT'"],
  ])('does not commit by %s', async (_, statement) => {
    const resource = await rig().started();
    const ref = rig().ref();
    const work = await resource.begin(ref);
    await rig().take(work);
    await expect(work.query(statement)).rejects.toThrow();
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    expect(await rig().pieces()).toBe(10);
  });

  it.each([
    ['ended it', "XA END '{g}','{b}',1129202772", 'ER_XAER_RMFAIL'],
    ['ended it and began it again', 'CALL again()', 'transaction-ended'],
  ])('sees at its vote that the call has %s', async (_, statement, code) => {
    const resource = await rig().started();
    const ref = rig().ref();
    const [gtrid, bqual] = [
      ref.tid,
      rig()
        .idOf(ref)
        .slice(ref.tid.length + 1),
    ];
    const xid = `'${gtrid}','${bqual}',${0x434e4454}`;
    await rig().server.query(
      `CREATE OR REPLACE PROCEDURE again() BEGIN XA END ${xid}; XA ROLLBACK ${xid}; XA START ${xid}; END`,
    );
    const work = await resource.begin(ref);
    await rig().take(work);
    const text = statement.replace('{g}', gtrid).replace('{b}', bqual);
    await work.query(text.startsWith('XA') ? `EXECUTE IMMEDIATE "${text}"` : text);
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    expect(rig().reasons).toMatchObject([{ code }]);
    expect([await rig().prepared(), await rig().markers()]).toEqual([[], []]);
  });

  it('votes to abort where a change would stay, and says so', async () => {
    await rig().server.query('CREATE DATABASE IF NOT EXISTS logs');
    await rig().server.query('CREATE TABLE IF NOT EXISTS logs.lines (n INT) ENGINE = MyISAM');
    expect(await voteFor('INSERT INTO logs.lines VALUES (1)')).toEqual({ vote: 'aborted' });
    expect(rig().reasons).toMatchObject([{ code: 'not-transactional' }]);
  });

  it('votes to abort where the call released the lock that its thread is known by', async () => {
    expect(await voteFor('SELECT RELEASE_ALL_LOCKS()', 'UPDATE stock SET pieces = 1')).toEqual({
      vote: 'aborted',
    });
    expect(rig().reasons).toMatchObject([{ code: 'refused-statement' }]);
  });

  it('votes to abort where a call waits too long for a lock, or is the victim of a deadlock', async () => {
    const resource = await rig().started();
    const [first, second, third, fourth] = [rig().ref(), rig().ref(), rig().ref(), rig().ref()];
    await takenOne(rig(), resource, first);
    const work = await resource.begin(second);
    await expect(rig().take(work)).rejects.toMatchObject({ errno: 1205 });
    expect(await resource.prepare(second)).toEqual({ vote: 'aborted' });
    await resource.commit(first);
    const [one, other] = [await resource.begin(third), await resource.begin(fourth)];
    await rig().take(one, 'bolt');
    await rig().take(other, 'nut');
    await Promise.allSettled([rig().take(one, 'nut'), rig().take(other, 'bolt')]);
    const votes = await Promise.all([resource.prepare(third), resource.prepare(fourth)]);
    expect(votes.map(({ vote }) => vote).sort()).toEqual(['aborted', 'prepared']);
  });

  it('refuses a call for which no connection gets free in time', async () => {
    const resource = await rig().started({ connectionsMax: 1, connectionWaitMs: 1_000 });
    const [first, second] = [rig().ref(), rig().ref()];
    await resource.begin(first);
    await expect(resource.begin(second)).rejects.toMatchObject({ code: 'no-connection' });
    await resource.rollBack(second);
    await resource.rollBack(first);
    await expect.poll(() => resource.begin(second).then(() => 'begun', String)).toBe('begun');
  });

  it('ends a statement that is under way when the work is given up', async () => {
    const resource = await rig().started({ lockWaitMs: 20_000 });
    const [first, second] = [rig().ref(), rig().ref()];
    await takenOne(rig(), resource, first);
    const refused = expect(rig().take(await resource.begin(second))).rejects.toThrow();
    await resource.rollBack(second);
    await refused;
    const waiting =
      "SELECT id FROM information_schema.processlist WHERE info LIKE 'UPDATE stock%' AND state = 'Updating'";
    expect(await rig().server.query(waiting)).toEqual([]);
  });

  it('gives up a statement whose thread the server ends at the same time', async () => {
    const resource = await rig().started({ lockWaitMs: 20_000 });
    const first = rig().ref();
    await takenOne(rig(), resource, first);
    const waiting =
      "SELECT id FROM information_schema.processlist WHERE info LIKE 'UPDATE stock%' AND state = 'Updating'";
    for (let times = 0; times < 5; times += 1) {
      const second = rig().ref();
      const refused = expect(rig().take(await resource.begin(second))).rejects.toThrow();
      const [thread] = await vi.waitUntil(async () => {
        const threads = await rig().server.query(waiting);
        return threads.length === 1 && threads;
      });
      await Promise.all([
        resource.rollBack(second),
        rig()
          .server.query(`KILL CONNECTION ${String(thread?.['id'])}`)
          .catch(() => {}),
      ]);
      await refused;
    }
  });

  it('votes to abort where the work was idle too long, or a statement too slow', async () => {
    const resource = await rig().started({ idleMs: 1_000, statementMs: 100 });
    const [first, second] = [rig().ref(), rig().ref()];
    await rig().take(await resource.begin(first));
    const work = await resource.begin(second);
    await rig().take(work, 'nut');
    await expect(work.query('SELECT SLEEP(60) FROM stock FOR UPDATE')).rejects.toThrow();
    expect(await resource.prepare(second)).toEqual({ vote: 'aborted' });
    await rig().server.query('SELECT SLEEP(1.5)');
    expect(await resource.prepare(first)).toEqual({ vote: 'aborted' });
    expect([await rig().pieces('bolt'), await rig().pieces('nut')]).toEqual([10, 10]);
  });

  it('shortens long identifiers, and keeps them apart', async () => {
    const name = 'w'.repeat(63);
    const resource = await rig().started({ name });
    const tid = transactionId('00000000-0000-4000-8000-000000000001');
    const refs = ['1', '2'].map((own) => ({
      tid,
      enlistment: enlistmentId(`${name}.${'e'.repeat(60)}${own}`),
    }));
    await takenOne(rig(), resource, refs[0] ?? rig().ref(), 'bolt');
    await takenOne(rig(), resource, refs[1] ?? rig().ref(), 'nut');
    expect(await rig().prepared()).toHaveLength(2);
    for (const ref of refs) await resource.commit(ref);
    expect([await rig().pieces('bolt'), await rig().pieces('nut')]).toEqual([9, 9]);
  });

  it('stops while calls are open and waiting', async () => {
    const resource = await rig().started({ connectionsMax: 1, lockWaitMs: 20_000 });
    await takenOne(rig(), resource, rig().ref());
    const taking = expect(rig().take(await resource.begin(rig().ref()))).rejects.toThrow();
    const waiting = expect(resource.begin(rig().ref())).rejects.toMatchObject({
      code: 'no-connection',
    });
    await resource.close();
    await Promise.all([taking, waiting]);
    expect(await rig().prepared()).toHaveLength(1);
  });
});
