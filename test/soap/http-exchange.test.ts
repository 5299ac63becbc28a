import { createServer, type Socket } from 'node:net';
import { Agent, type Dispatcher } from 'undici';
import { afterEach, expect, it } from 'vitest';
import { HttpExchange } from '../../src/soap/http-exchange.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Takes connections, and never answers. */
async function silent() {
  const sockets: Socket[] = [];
  const requests: string[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (chunk) => requests.push(chunk.toString()));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { origin: `http://127.0.0.1:${address.port}`, requests };
}

it('ends when its time is over, also while it waits for a connection that others have', async () => {
  const { origin, requests } = await silent();
  const agent = new Agent({ connections: 1, pipelining: 1 });
  closing.push(() => agent.destroy());
  const request: Dispatcher.DispatchOptions = { origin, path: '/first', method: 'POST', body: 'x' };
  const first = new HttpExchange(60_000);
  agent.dispatch(request, first);
  const ended = first.answer.then(
    () => 'answered',
    () => 'ended',
  );
  await expect.poll(() => requests.length).toBeGreaterThan(0);
  let over = 0;
  const second = new HttpExchange(20, () => {
    over += 1;
  });
  agent.dispatch({ ...request, path: '/second' }, second);
  await expect(second.answer).rejects.toMatchObject({ name: 'AbortError' });
  expect(await Promise.race([ended, Promise.resolve('under way')])).toBe('under way');
  expect(over).toBe(0);
  // It is not sent any more, either.
  await agent.destroy();
  expect(await ended).toBe('ended');
  expect(over).toBe(1);
  expect(requests.join('')).not.toContain('/second');
});
