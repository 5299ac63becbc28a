import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCluster } from '../../src/api/test-cluster.js';
import { call, commit, type InitiatorApplication } from '../../src/service/initiator/procedures.js';
import { hasNats, NatsServer, natsTitleOf } from '../support/nats-server.js';
import { eventually } from './support/eventually.js';
import { kitOf, ServiceProcess } from './support/service-process.js';

const travel: InitiatorApplication = {
  name: 'travel',
  procedures: {
    *book({ payload }) {
      yield [call('hotel', 'book', payload)];
      return commit();
    },
  },
};

/** A hotel that sends what it books, and kills itself at a moment that a file in its folder names. */
const moduleText = (directory: string, servers: string) => `
import { existsSync, rmSync } from 'node:fs';
import { Refusal, Table } from '${kitOf('participant')}';
import { nats } from '${kitOf('nats')}';
const rooms = new Table({ booked: 0 });
const inner = nats({
  connection: { servers: ${JSON.stringify(servers)}, timeout: 1000, reconnectTimeWait: 50 },
  confirmMs: 1000,
});
const die = (moment) => {
  const flag = ${JSON.stringify(directory)} + '/' + moment;
  if (!existsSync(flag)) return;
  rmSync(flag);
  process.kill(process.pid, 'SIGKILL');
};
export const participant = {
  operations: {
    book: async (work, { payload, outbox }) => {
      const booked = (await work.get('booked')) + 1;
      await work.set('booked', booked);
      outbox.send('rooms.booked', { booked, payload }, { key: 'hotel' });
      outbox.send('rooms.free', 100 - booked);
      if (payload === 'refuse') throw new Refusal('FullyBooked');
      die('executing');
    },
  },
  resource: {
    start: (left) => rooms.start(left),
    begin: (ref) => rooms.begin(ref),
    prepare: async (ref) => {
      die('preparing');
      return rooms.prepare(ref);
    },
    commit: async (ref) => {
      die('prepared');
      const writes = await rooms.commit(ref);
      die('committed');
      return writes;
    },
    rollBack: (ref) => rooms.rollBack(ref),
    close: () => rooms.close(),
  },
  broker: {
    publish: async (messages) => {
      die('publishing');
      const confirmed = await inner.publish(messages);
      die('published');
      return confirmed;
    },
    close: () => inner.close(),
  },
};
`;

describe.skipIf(!hasNats)(natsTitleOf('messages of a participant’s outbox'), () => {
  let all: TestCluster;
  let directory: string;
  let hotel: ServiceProcess;
  let server: NatsServer;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'concordat-'));
    server = new NatsServer();
    await server.start();
    await server.addStream('booked', ['rooms.booked']);
    // Takes a message again after a moment: here a duplicate is seen.
    await server.addStream('free', ['rooms.free'], 100);
    hotel = new ServiceProcess(directory, moduleText(directory, server.address));
    all = await TestCluster.start({ applications: [travel], services: { hotel: hotel.start } });
  }, 120_000);
  afterAll(async () => {
    await all?.stop();
    await server?.remove();
    await rm(directory, { recursive: true });
  });

  /** What was booked by committed transactions. */
  let committed = 0;
  const book = async (payload: string) => {
    const request = { application: 'travel', procedure: 'book', payload };
    const { outcome } = await all.procedures.run(request, { timeoutMs: 45_000 });
    if (outcome === 'committed') committed += 1;
    return outcome;
  };
  const stored = async (stream: string, of: (message: unknown) => unknown) =>
    (await server.stored(stream)).map(({ message }) => of(message));
  const bookedOf = (message: unknown) => (message as { readonly booked: number }).booked;
  const numbers = () => Array.from({ length: committed }, (_, at) => at + 1);

  /** All that committed has arrived, in its order, and nothing else; each id once. */
  async function arrived(): Promise<void> {
    await expect.poll(() => stored('booked', bookedOf), { timeout: 30_000 }).toEqual(numbers());
    await expect
      .poll(async () => [...new Set(await stored('free', (free) => 100 - Number(free)))], {
        timeout: 30_000,
      })
      .toEqual(numbers());
    const free = await server.stored('free');
    expect(new Set(free.map(({ id }) => id)).size, 'a duplicate has the same id').toBe(committed);
  }

  it('leave where it commits, and not where it aborts', async () => {
    expect(await book('')).toBe('committed');
    expect(await book('refuse')).toBe('aborted');
    expect(await book('')).toBe('committed');
    await arrived();
    expect((await server.stored('booked')).map(({ key }) => key)).toEqual(['hotel', 'hotel']);
  });

  it.each([
    ['executing', 'aborted'],
    ['preparing', 'aborted'],
    ['prepared', 'committed'],
    ['committed', 'committed'],
    ['publishing', 'committed'],
    ['published', 'committed'],
  ] as const)(
    'a participant that is killed while %s: all of it %s, and the messages',
    async (moment, outcome) => {
      await writeFile(join(directory, moment), '');
      const ending = book(moment);
      await eventually('it is dead', () => hotel.isKilled);
      await all.startNode('hotel');
      expect(await ending).toBe(outcome);
      expect(await book('after')).toBe('committed');
      await arrived();
    },
  );

  it('wait while the broker is dead, also over a death of the participant', async () => {
    await server.kill();
    for (const payload of ['a', 'b']) expect(await book(payload)).toBe('committed');
    await writeFile(join(directory, 'publishing'), '');
    expect(await book('c')).toBe('committed');
    await eventually('it is dead', () => hotel.isKilled);
    await all.startNode('hotel');
    expect(await book('d')).toBe('committed');
    await server.start();
    await arrived();
  });
});
