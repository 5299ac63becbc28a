import { expect, it } from 'vitest';
import { ConfigError } from '../../../src/kernel/config/config-error.js';
import type { Broker, OutboxMessage } from '../../../src/service/participant/outbox/messages.js';
import type { LeftWork } from '../../../src/service/participant/resource.js';
import { Table, type TableWork } from '../../../src/service/participant/table.js';
import { Scene } from './service-scene.js';

/** A table that notes what it starts with. */
class NotedTable extends Table {
  readonly lefts: LeftWork[] = [];

  override start(left: LeftWork): Promise<void> {
    this.lefts.push(left);
    return super.start(left);
  }
}

const reserve = (rooms: TableWork) => rooms.set('free', 1);

it.each([
  ['durable', 1],
  ['volatile', 0],
] as const)(
  'a %s participant registers as one, and finds %i votes after a restart',
  async (protocol, votes) => {
    const [scene, table] = [await Scene.make(), new NotedTable()];
    const node = await scene.start({ reserve }, table, { protocol });
    await scene.calls();
    expect(new Set(scene.registrations.map((it) => it.protocol))).toEqual(new Set([protocol]));
    await scene.notify('Prepare');
    await scene.heard('Prepared');
    await node.stop();
    await scene.start({ reserve }, table, { protocol });
    expect(table.lefts.map(({ prepared }) => prepared.length)).toEqual([0, votes]);
    const { id } = scene.world.cluster;
    expect(table.lefts.map(({ cluster }) => cluster)).toEqual([id, id]);
  },
);

it('a participant keeps messages for the broker that they are for, and does not start without one', async () => {
  const scene = await Scene.make();
  const published: OutboxMessage[] = [];
  const broker = (isUp: boolean): Broker => ({
    publish: async (messages) => {
      published.push(...messages);
      if (!isUp) throw new Error('down');
      return messages.map(({ id }) => id);
    },
    close: async () => {},
  });
  const operations = {
    reserve: (_: TableWork, { outbox }: { outbox: { send(topic: string, text: string): void } }) =>
      outbox.send('rooms', 'a'),
  };
  const node = await scene.start(operations, new Table(), { broker: broker(false) });
  await scene.calls();
  await scene.notify('Prepare');
  await scene.heard('Prepared');
  expect(published).toEqual([]);
  await scene.notify('Commit');
  await expect.poll(() => published.length).toBeGreaterThan(0);
  await scene.heard('Committed');
  await node.stop();
  await expect(scene.start(operations)).rejects.toThrow(ConfigError);
  const [first] = published.splice(0);
  const again = await scene.start(operations, new Table(), { broker: broker(true) });
  await expect.poll(() => published).toEqual([first]);
  await again.stop();
  await scene.start(operations);
});

it('a volatile participant has no outbox', async () => {
  const scene = await Scene.make();
  const broker = { publish: async () => [], close: async () => {} };
  const starting = scene.start({ reserve }, new Table(), { protocol: 'volatile', broker });
  await expect(starting).rejects.toThrow(ConfigError);
});
