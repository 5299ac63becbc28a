import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sqlOf } from '../../../src/service/participant/mariadb/xid.js';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { MariadbRig, titleOf } from '../../support/mariadb-rig.js';
import { programs } from '../../support/mariadb-server.js';
import { itSurvives } from './support/crash-contract.js';
import { takenOne, usedRig } from './support/resource-contract.js';

const title = 'a resource in MariaDB, when the server or a connection is killed';

describe.skipIf(programs === undefined)(titleOf(title), () => {
  const rig = usedRig(() => new MariadbRig());
  let proxy: CuttingProxy;
  beforeAll(async () => {
    const { folder } = rig().server;
    proxy = new CuttingProxy(join(folder, 'proxy'), join(folder, 'server'));
    await proxy.listen();
  });
  beforeEach(() => {
    proxy.alter = (bytes) => bytes;
    proxy.pass = (bytes) => bytes;
    proxy.leavesServer = false;
  });
  afterAll(() => proxy?.close());

  const behindProxy = () => rig().started({ connection: rig().server.at('proxy') });

  itSurvives({
    rig,
    proxy: () => proxy,
    behindProxy,
    texts: { prepare: 'XA PREPARE', commit: 'XA COMMIT', rollBack: 'XA ROLLBACK' },
  });

  describe('and the server does not see that the connection has ended', () => {
    let calls = 1;
    beforeEach(() => {
      // Of the calls alone: those of outcomes end as they should.
      let ends = 0;
      proxy.leavesServer = true;
      proxy.pass = (bytes) => {
        if (!bytes.equals(quit)) return bytes;
        ends += 1;
        return ends > calls ? bytes : Buffer.alloc(0);
      };
      calls = 1;
    });

    it.each(['commit', 'rollBack'] as const)('ends its thread, and does the %s', async (how) => {
      const resource = await behindProxy();
      const ref = rig().ref();
      await takenOne(rig(), resource, ref);
      expect(await rig().prepared()).toEqual([rig().idOf(ref)]);
      // Its thread still has it: others are answered that there is none.
      await expect(rig().server.query(`XA COMMIT ${sqlOf(rig().idOf(ref))}`)).rejects.toThrow(
        'Unknown XID',
      );
      await resource[how](ref);
      expect(await rig().prepared()).toEqual([]);
      expect(await rig().pieces()).toBe(how === 'commit' ? 9 : 10);
    });

    it('waits at the start until the server has ended what is idle', async () => {
      const first = await rig().started({ connection: rig().server.at('proxy'), idleMs: 1_000 });
      const [one, other] = [rig().ref(), rig().ref()];
      calls = 2;
      await takenOne(rig(), first, one, 'bolt');
      const left = await takenOne(rig(), first, other, 'nut');
      await first.close();
      const next = await rig().started({}, [left]);
      expect(await rig().prepared()).toEqual([rig().idOf(other)]);
      await next.commit(other);
      expect([await rig().pieces('bolt'), await rig().pieces('nut')]).toEqual([10, 9]);
    });
  });

  it('takes no proxy that shares connections', async () => {
    proxy.alter = renumbered;
    const starting = behindProxy();
    await expect(starting).rejects.toMatchObject({ code: 'unusable-server' });
    await expect(starting).rejects.toThrow('a proxy stands before');
  });
});

/** The message by which a client ends its connection. */
const quit = Buffer.from([1, 0, 0, 0, 1]);

/** The server's greeting, with another number of its thread: after its version's final zero byte. */
function renumbered(bytes: Buffer): Buffer {
  const isGreeting = bytes[3] === 0 && bytes[4] === 10;
  const at = bytes.indexOf(0, 5) + 1;
  if (isGreeting) bytes.writeUInt32LE(bytes.readUInt32LE(at) + 1, at);
  return bytes;
}
