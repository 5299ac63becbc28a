import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { nats } from '../../../src/service/participant/nats/nats.js';
import { hasNats, NatsServer, natsTitleOf } from '../../support/nats-server.js';

const message = (id: string, topic = 'rooms.booked', key?: string) => ({
  ...{ id, topic, text: JSON.stringify({ id }) },
  ...(key === undefined ? {} : { key }),
});

describe.skipIf(!hasNats)(natsTitleOf('NATS JetStream as a broker'), () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = new NatsServer();
    await server.start();
    await server.addStream('rooms', ['rooms.>']);
  });
  afterAll(() => server?.remove());

  function broker() {
    const made = nats({
      connection: { servers: server.address, timeout: 1_000, reconnectTimeWait: 50 },
      confirmMs: 1_000,
    });
    onTestFinished(() => made.close());
    return made;
  }

  it('stores messages in their order, and one that comes again not again', async () => {
    const { publish } = bound(broker());
    expect(await publish([message('a'), message('b', 'rooms.booked', 'k 1')])).toEqual(['a', 'b']);
    expect(await publish([message('b'), message('c')])).toEqual(['b', 'c']);
    expect(await server.stored('rooms')).toEqual([
      { id: 'a', topic: 'rooms.booked', key: '', message: { id: 'a' } },
      { id: 'b', topic: 'rooms.booked', key: 'k 1', message: { id: 'b' } },
      { id: 'c', topic: 'rooms.booked', key: '', message: { id: 'c' } },
    ]);
  });

  it('confirms what a stream takes; where none takes anything, says why', async () => {
    const { publish } = bound(broker());
    expect(await publish([message('x', 'nobody.takes'), message('d')])).toEqual(['d']);
    await expect(publish([message('x', 'nobody.takes')])).rejects.toThrow('jetstream');
  });

  it('goes on by itself once a server that was killed is there again, with what it had confirmed', async () => {
    const { publish } = bound(broker());
    await publish([message('e')]);
    await server.kill();
    await expect(publish([message('f')])).rejects.toThrow();
    await expect(bound(broker()).publish([message('g')])).rejects.toThrow();
    await server.start();
    await expect
      .poll(() => publish([message('f')]).catch(() => []), { timeout: 20_000 })
      .toEqual(['f']);
    const ids = (await server.stored('rooms')).map(({ id }) => id);
    expect(ids.slice(-2)).toEqual(['e', 'f']);
  });

  it('ends what is under way when it is closed, and takes no more', async () => {
    const made = broker();
    await made.publish([message('h')]);
    await server.kill();
    const waiting = made.publish([message('i')]);
    await Promise.all([expect(waiting).rejects.toThrow(), made.close()]);
    await expect(made.publish([message('i')])).rejects.toThrow('closed');
    await server.start();
  });
});

describe('NATS JetStream that does not answer', () => {
  it('keeps no broker that is closed waiting for its connection', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const reached = once(silent, 'connection');
    const { port } = silent.address() as AddressInfo;
    const broker = nats({ connection: { servers: `127.0.0.1:${port}`, timeout: 600_000 } });
    const published = expect(broker.publish([message('a')])).rejects.toThrow('closed');
    const [socket] = (await reached) as [Socket];
    await Promise.all([published, broker.close()]);
    socket.destroy();
    silent.close();
  });

  it('says so at once, also where the client would wait', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, 'close');
    const connection = { servers: `127.0.0.1:${port}`, waitOnFirstConnect: true };
    const broker = nats({ connection });
    await expect(broker.publish([message('a')])).rejects.toThrow();
    await broker.close();
  });
});

function bound(broker: ReturnType<typeof nats>) {
  return { publish: broker.publish.bind(broker) };
}
