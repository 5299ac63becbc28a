import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PostgresWork } from '../../../src/service/participant/postgres/work.js';
import type { Resource } from '../../../src/service/participant/resource.js';
import { preparedOne, StockRig, takeOne, titleOf } from '../../support/postgres-rig.js';
import {
  binaries,
  type Cut,
  CuttingProxy,
  renumbered,
  stopped,
} from '../../support/postgres-server.js';

const title = 'a resource in PostgreSQL, when the server or a connection is killed';
const moments = ['before', 'within', 'after'] as const;

describe.skipIf(binaries === undefined)(titleOf(title), () => {
  let rig: StockRig;
  let proxy: CuttingProxy;
  beforeAll(async () => {
    rig = new StockRig();
    await rig.start();
    proxy = new CuttingProxy(rig.server);
    await proxy.listen();
  });
  beforeEach(() => {
    proxy.alter = (bytes) => bytes;
    return rig.reset();
  });
  afterAll(async () => {
    await rig?.stop();
    await proxy?.close();
    await rig?.server.remove();
  });

  /** A participant behind the proxy. */
  const behindProxy = () => rig.started({ connection: rig.server.at(proxy.port) });
  const serverKilled = { act: () => rig.server.kill() };
  const connectionCut = {};
  const deaths = [
    { what: 'the server is killed', cut: serverKilled },
    { what: 'the connection is cut', cut: connectionCut },
  ].flatMap(({ what, cut }) => moments.map((when) => ({ what, when, cut: { ...cut, when } })));

  /** Until the vote is cut off in its `PREPARE TRANSACTION`; then the server is up again. */
  async function cutVote(resource: Resource<PostgresWork>, cut: Omit<Cut, 'text'>) {
    const ref = rig.ref();
    await takeOne(await resource.begin(ref));
    const isCut = proxy.cut({ text: 'PREPARE TRANSACTION', ...cut });
    await expect(resource.prepare(ref)).rejects.toMatchObject({ code: 'unknown-outcome' });
    await isCut;
    await up(cut);
    return ref;
  }

  async function up({ act }: Omit<Cut, 'text'>): Promise<void> {
    if (act !== undefined) await rig.server.start();
  }

  it.each(deaths)('rolls back where $what $when PREPARE TRANSACTION', async ({ cut }) => {
    const resource = await behindProxy();
    const ref = await cutVote(resource, cut);
    await resource.rollBack(ref);
    expect(await rig.prepared()).toEqual([]);
    expect(await rig.pieces()).toBe(10);
    // And goes on.
    const next = rig.ref();
    await preparedOne(resource, next);
    await resource.commit(next);
    expect(await rig.pieces()).toBe(9);
  });

  it.each(deaths)(
    'gives up at the next start where $what $when PREPARE TRANSACTION',
    async ({ cut }) => {
      const first = await behindProxy();
      await cutVote(first, cut);
      proxy.cutAll();
      await rig.started();
      expect(await rig.prepared()).toEqual([]);
      expect(await rig.pieces()).toBe(10);
    },
  );

  it.each(deaths)('commits once where $what $when COMMIT PREPARED', async ({ cut }) => {
    const resource = await behindProxy();
    const ref = rig.ref();
    const left = await preparedOne(resource, ref);
    const isCut = proxy.cut({ text: 'COMMIT PREPARED', ...cut });
    await expect(resource.commit(ref)).rejects.toThrow();
    await isCut;
    await up(cut);
    await resource.commit(ref);
    expect(await rig.pieces()).toBe(9);
    // The participant dies before its own record of the end, and asks again.
    await resource.close();
    const next = await rig.started({}, [left]);
    await next.commit(ref);
    expect(await rig.pieces()).toBe(9);
    // Its end is on record: the marker goes.
    await next.close();
    await rig.started();
    expect(await rig.markers()).toEqual([]);
  });

  it.each(deaths)('rolls back once where $what $when ROLLBACK PREPARED', async ({ cut }) => {
    const resource = await behindProxy();
    const ref = rig.ref();
    const left = await preparedOne(resource, ref);
    const isCut = proxy.cut({ text: 'ROLLBACK PREPARED', ...cut });
    await expect(resource.rollBack(ref)).rejects.toThrow();
    await isCut;
    await up(cut);
    await resource.rollBack(ref);
    await resource.close();
    const next = await rig.started({}, [left]);
    await next.rollBack(ref);
    expect(await rig.prepared()).toEqual([]);
    expect(await rig.pieces()).toBe(10);
  });

  it('keeps what is in doubt when the server and the participant are killed', async () => {
    const first = await behindProxy();
    const [one, other] = [rig.ref(), rig.ref()];
    const left = [await preparedOne(first, one, 'bolt'), await preparedOne(first, other, 'nut')];
    await rig.server.kill();
    proxy.cutAll();
    await rig.server.start();
    const next = await rig.started({}, left);
    expect(await rig.prepared()).toHaveLength(2);
    await next.commit(one);
    await next.rollBack(other);
    expect([await rig.pieces('bolt'), await rig.pieces('nut')]).toEqual([9, 10]);
    expect(await rig.prepared()).toEqual([]);
  });

  it('votes to abort, and not unknown, where the connection broke before the vote', async () => {
    const resource = await behindProxy();
    const ref = rig.ref();
    const work = await resource.begin(ref);
    await takeOne(work);
    proxy.cutAll();
    await expect(takeOne(work)).rejects.toThrow();
    expect(await resource.prepare(ref)).toEqual({ vote: 'aborted' });
    await resource.rollBack(ref);
    await resource.begin(rig.ref());
  });

  it('takes no pooler', async () => {
    proxy.alter = renumbered;
    const starting = behindProxy();
    await expect(starting).rejects.toMatchObject({ code: 'unusable-server' });
    await expect(starting).rejects.toThrow('a pooler stands before');
  });

  it('rejects, and does not end the process, where a connection breaks as it opens', async () => {
    proxy.alter = stopped;
    await expect(behindProxy()).rejects.toThrow();
  });

  describe('and the server takes its time to prepare', () => {
    beforeAll(async () => {
      await rig.server.query(
        `CREATE TABLE slow (n int);
         CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql
           AS $$ BEGIN PERFORM pg_sleep(CASE NEW.n WHEN 1 THEN 0.5 ELSE 60 END); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION wait()`,
      );
    });

    async function cutSlowVote(resource: Resource<PostgresWork>, n: number) {
      const ref = rig.ref();
      const work = await resource.begin(ref);
      await work.query('INSERT INTO slow VALUES ($1)', [n]);
      const isCut = proxy.cut({ text: 'PREPARE TRANSACTION', when: 'within' });
      await expect(resource.prepare(ref)).rejects.toMatchObject({ code: 'unknown-outcome' });
      await isCut;
      return ref;
    }

    it('ends the process that would prepare after the roll back', async () => {
      const resource = await behindProxy();
      const ref = await cutSlowVote(resource, 2);
      await resource.rollBack(ref);
      const active = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
      expect(await rig.server.query(active)).toEqual([]);
      expect(await rig.prepared()).toEqual([]);
    });

    it('waits at the start for a process that still prepares, and gives up what it prepared', async () => {
      const first = await behindProxy();
      await cutSlowVote(first, 1);
      proxy.cutAll();
      await rig.started();
      expect(await rig.prepared()).toEqual([]);
      expect(await rig.server.query('SELECT n FROM slow')).toEqual([]);
    });
  });
});
