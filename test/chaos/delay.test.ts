import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { DelayLine } from './network/delay-line.js';
import { ProxyNetwork } from './network/proxy.js';

const hourMs = 3_600_000;
const sockets: Socket[] = [];
let server: Server | undefined;
let network: ProxyNetwork | undefined;

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
  await network?.close();
});

it('lets bytes through as late as it says, in their order and whole, and without waiting for each other', async () => {
  let nowMs = 0;
  let wayMs = 50;
  const line = new DelayLine(
    () => wayMs,
    () => nowMs,
  );
  const read = (): string => (line.read() as Buffer | null)?.toString() ?? '';
  read();
  line.write('a');
  nowMs = 10;
  line.write('b');
  // A shorter way does not overtake.
  wayMs = 0;
  line.write('c');
  expect(line.readableLength).toBe(0);
  nowMs = 49;
  line.write('d');
  expect(read()).toBe('');
  nowMs = 50;
  line.write('e');
  expect(read()).toBe('a');
  nowMs = 60;
  line.end('f');
  const rest: string[] = [];
  for await (const chunk of line) rest.push(String(chunk));
  expect(rest.join('')).toBe('bcdef');
});

it('takes no more than it may hold', async () => {
  let nowMs = 0;
  const line = new DelayLine(
    () => 50,
    () => nowMs,
  );
  const bytes = Buffer.alloc(1024 * 1024);
  let taken = 0;
  for (let count = 0; count < 32; count += 1)
    line.write(bytes, () => {
      taken += 1;
    });
  await new Promise(setImmediate);
  // The last of them is held, and not taken yet.
  expect(taken).toBe(7);
  nowMs = 50;
  let length = 0;
  line.end();
  for await (const chunk of line) {
    length += (chunk as Buffer).length;
    nowMs += 50;
  }
  expect(length).toBe(32 * bytes.length);
});

it('delays each direction of a connection between a client and a node by itself', async () => {
  network = await ProxyNetwork.open(['node'], ['near', 'deaf', 'far']);
  const { listen, advertised } = network.place('node', 'http');
  const heard: string[] = [];
  server = createServer((caller) =>
    caller.on('data', (chunk: Buffer) => {
      heard.push(chunk.toString());
      caller.write(chunk);
    }),
  ).listen(listen);
  await once(server, 'listening');
  network.delay('far', 'node', hourMs);
  network.delay('node', 'deaf', hourMs);
  const echoed: string[] = [];
  const answered: Promise<unknown>[] = [];
  for (const name of ['far', 'deaf', 'near']) {
    const socket = connect({ ...advertised, localAddress: network.address(name) });
    sockets.push(socket);
    await once(socket, 'connect');
    socket.on('data', (chunk: Buffer) => echoed.push(chunk.toString()));
    if (name === 'near') answered.push(once(socket, 'data'));
    socket.write(name);
  }
  await Promise.all(answered);
  await vi.waitUntil(() => heard.length === 2);
  expect(heard.toSorted()).toEqual(['deaf', 'near']);
  expect(echoed).toEqual(['near']);
});
