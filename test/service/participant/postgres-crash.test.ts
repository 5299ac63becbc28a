import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PostgresWork } from '../../../src/service/participant/postgres/work.js';
import type { Resource } from '../../../src/service/participant/resource.js';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { StockRig, titleOf } from '../../support/postgres-rig.js';
import { binaries, renumbered, stopped } from '../../support/postgres-server.js';
import { itSurvives } from './support/crash-contract.js';

const title = 'a resource in PostgreSQL, when the server or a connection is killed';
const proxyPort = 5433;

describe.skipIf(binaries === undefined)(titleOf(title), () => {
  let rig: StockRig;
  let proxy: CuttingProxy;
  beforeAll(async () => {
    rig = new StockRig();
    await rig.start();
    proxy = new CuttingProxy(rig.server.socket(proxyPort), rig.server.socket());
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
  const behindProxy = () => rig.started({ connection: rig.server.at(proxyPort) });
  itSurvives({
    rig: () => rig,
    proxy: () => proxy,
    behindProxy,
    texts: {
      prepare: 'PREPARE TRANSACTION',
      commit: 'COMMIT PREPARED',
      rollBack: 'ROLLBACK PREPARED',
    },
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
