import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../src/api/test-cluster.js';
import { loadNode } from '../../src/kernel/config/node-file.js';
import { DialogueClient } from '../../src/service/client/dialogue-client.js';
import { Refusal } from '../../src/service/participant/operations.js';
import { startParticipant } from '../../src/service/participant/participant-node.js';
import { Table } from '../../src/service/participant/table.js';
import { eventually } from './support/eventually.js';

const timeoutMs = 20_000;
const rooms = new Table({ free: 12 });
let all: TestCluster;
let client: DialogueClient;

beforeAll(async () => {
  all = await TestCluster.start({
    services: {
      hotel: (node) =>
        startParticipant({
          ...node,
          resource: rooms,
          operations: {
            reserve: async (table, { payload, isPermitted, client: guest }) => {
              if (!isPermitted) throw new Refusal('NotPermitted');
              const free = Number(await table.get('free'));
              if (free < Number(payload)) throw new Refusal('FullyBooked');
              await table.set('free', free - Number(payload));
              return { guest, left: free - Number(payload) };
            },
          },
        }),
    },
  });
  const node = await loadNode(join(all.directory, 'nodes', 'alice.json'));
  client = new DialogueClient({ cluster: all.cluster, node, firstLane: 500 });
}, 60_000);
afterAll(async () => {
  await client.close();
  await all.stop();
});

describe('a transaction that its client drives', () => {
  it('commits what the client called for, in its name', async () => {
    const dialogue = await client.begin({ timeoutMs });
    const answer = await dialogue.call('hotel', 'reserve', 2, { timeoutMs });
    expect(answer).toEqual({ kind: 'done', result: { guest: 'alice', left: 10 } });
    const { outcome, transactionId } = await dialogue.commit({ timeoutMs });
    expect([outcome, transactionId]).toEqual(['committed', dialogue.transactionId]);
    await eventually('the rooms are taken', async () => rooms.peek('free') === 10);
    expect(await dialogue.rollback({ timeoutMs }), 'the first decision stands').toMatchObject({
      outcome: 'committed',
    });
  });

  it('rolls back when the client says so, and when a participant refused', async () => {
    const given = await client.begin({ timeoutMs });
    await given.call('hotel', 'reserve', 1, { timeoutMs });
    expect(await given.rollback({ timeoutMs })).toMatchObject({
      outcome: 'aborted',
      reason: 'RolledBack',
    });
    const refused = await client.begin({ timeoutMs });
    const answer = await refused.call('hotel', 'reserve', 99, { timeoutMs });
    expect(answer).toEqual({ kind: 'refused', reason: 'FullyBooked' });
    expect(await refused.commit({ timeoutMs })).toMatchObject({ outcome: 'aborted' });
    expect(rooms.peek('free')).toBe(10);
  });

  it('goes on where initiators have restarted, and calls nothing twice', async () => {
    const dialogue = await client.begin({ timeoutMs });
    await dialogue.call('hotel', 'reserve', 3, { timeoutMs });
    for (const name of ['initiator-0', 'initiator-1']) {
      await all.stopNode(name);
      await all.startNode(name);
    }
    expect(await dialogue.commit({ timeoutMs })).toMatchObject({ outcome: 'committed' });
    await eventually('the rooms are taken once', async () => rooms.peek('free') === 7);
  });

  it('is too old once a later one of its client id was begun, and not only refused', async () => {
    const { state } = await client.begin({ timeoutMs });
    const request = { ...state.request, timestamp: state.request.timestamp - 1 };
    const resumed = client.resume({ request, calls: [] }, { timeoutMs });
    await expect(resumed).rejects.toMatchObject({ code: 'too-old' });
  });

  it('is gone on with by another process, from what was kept of it', async () => {
    const { state } = await client.begin({ timeoutMs });
    const call = { participant: all.cluster.participants[2]?.id, operation: 'reserve' } as const;
    const kept = { ...state, calls: [{ ...call, payload: '1' }] } as typeof state;
    const node = await loadNode(join(all.directory, 'nodes', 'alice.json'));
    const other = new DialogueClient({ cluster: all.cluster, node, firstLane: 900 });
    const dialogue = await other.resume(kept, { timeoutMs });
    const again = await client.resume(kept, { timeoutMs });
    expect(again.transactionId).toBe(dialogue.transactionId);
    expect(await dialogue.commit({ timeoutMs })).toMatchObject({ outcome: 'committed' });
    expect(await again.commit({ timeoutMs })).toMatchObject({ outcome: 'committed' });
    await other.close();
    await eventually('one room is taken', async () => rooms.peek('free') === 6);
  });
});
