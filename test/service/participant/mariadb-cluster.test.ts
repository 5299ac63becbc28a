import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StartService, TestCluster } from '../../../src/api/test-cluster.js';
import {
  call,
  commit,
  type InitiatorApplication,
} from '../../../src/service/initiator/procedures.js';
import { mariadb } from '../../../src/service/participant/mariadb/mariadb.js';
import type { MariadbWork } from '../../../src/service/participant/mariadb/work.js';
import { Refusal } from '../../../src/service/participant/operations.js';
import { startParticipant } from '../../../src/service/participant/participant-node.js';
import { MariadbRig, titleOf } from '../../support/mariadb-rig.js';
import { programs } from '../../support/mariadb-server.js';

const store: InitiatorApplication = {
  name: 'store',
  procedures: {
    *order({ payload }) {
      yield [call('warehouse', 'take', { sku: 'bolt', pieces: payload })];
      yield [call('depot', 'take', { sku: 'nut', pieces: payload })];
      return commit('sent');
    },
  },
};

async function take(work: MariadbWork, { payload }: { readonly payload: unknown }) {
  const { sku, pieces } = payload as { readonly sku: string; readonly pieces: number };
  const { rowCount } = await work.query(
    'UPDATE stock SET pieces = pieces - ? WHERE sku = ? AND pieces >= ?',
    [pieces, sku, pieces],
  );
  if (rowCount !== 1) throw new Refusal('OutOfStock');
}

describe.skipIf(programs === undefined)(titleOf('participants in MariaDB'), () => {
  let rig: MariadbRig;
  let cluster: TestCluster;
  beforeAll(async () => {
    rig = new MariadbRig();
    await rig.start();
    await rig.server.query("INSERT INTO stock VALUES ('bolt', 10), ('nut', 8)");
    const participant =
      (name: string): StartService =>
      (node) =>
        startParticipant({
          ...node,
          operations: { take },
          resource: mariadb({ name, connection: rig.server.at() }),
        });
    cluster = await TestCluster.start({
      applications: [store],
      services: { warehouse: participant('warehouse'), depot: participant('depot') },
    });
  });
  afterAll(async () => {
    await cluster?.stop();
    await rig?.server.remove();
  });

  const order = (pieces: number) =>
    cluster.procedures.run(
      { application: 'store', procedure: 'order', payload: pieces },
      { timeoutMs: 30_000 },
    );
  const stock = async () => [await rig.pieces('bolt'), await rig.pieces('nut')];

  it('commit together, abort together, and go on after a restart', async () => {
    expect(await order(3)).toMatchObject({ outcome: 'committed', result: 'sent' });
    await expect.poll(stock).toEqual([7, 5]);
    // The depot says no: the warehouse gives back what it has taken.
    expect(await order(6)).toMatchObject({ outcome: 'aborted' });
    await cluster.stopNode('warehouse');
    await cluster.startNode('warehouse');
    expect(await order(5)).toMatchObject({ outcome: 'committed' });
    await expect.poll(stock).toEqual([2, 0]);
    await expect.poll(() => rig.prepared()).toEqual([]);
  });
});
