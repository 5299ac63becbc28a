import { connect } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createHttpServer,
  maxBodyBytes,
  registerHealth,
} from '../../../src/kernel/http/http-server.js';

function server(options: { requestTimeoutMs?: number } = {}) {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => lines.push(line) });
  const app = createHttpServer({ log, ...options });
  onTestFinished(() => app.close());
  return { app, lines, log };
}

describe('createHttpServer', () => {
  it('serves its health', async () => {
    const { app, log } = server();
    registerHealth(app, log, () => ({ view: 3 }));
    const response = await app.inject('/healthz');
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({ status: 'ok', view: 3 });
  });

  it('answers for an address that it does not serve as for any other error', async () => {
    const response = await server().app.inject('/nowhere');
    expect(response.statusCode).toBe(404);
    expect(response.json()).toEqual({ error: 'not found' });
  });

  it('refuses a body that is too large', async () => {
    const { app } = server();
    app.post('/', () => 'read');
    const post = (length: number) =>
      app.inject({
        method: 'POST',
        url: '/',
        payload: 'x'.repeat(length),
        headers: { 'content-type': 'text/plain' },
      });
    expect((await post(maxBodyBytes)).statusCode).toBe(200);
    expect((await post(maxBodyBytes + 1)).statusCode).toBe(413);
  });

  it('keeps to itself, and to the log, what went wrong inside', async () => {
    const { app, lines } = server();
    app.get('/', () => {
      throw new Error('the reason');
    });
    const response = await app.inject('/');
    expect(response.statusCode).toBe(500);
    expect(response.body).toBe('{"error":"internal error"}');
    expect(lines.join()).toContain('the reason');
  });

  it.each([
    ['headers', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    [
      'a body',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nx',
    ],
  ])('gives up a client that never ends %s', async (_, beginning) => {
    const { app } = server({ requestTimeoutMs: 100 });
    app.post('/', () => 'read');
    const { hostname, port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('error', () => {});
    const answer = new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('close', () => resolve(text));
    });
    socket.write(beginning);
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('closes although a client holds a connection on which it asks for nothing', async () => {
    const { app } = server();
    const { hostname, port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise<void>((resolve) => app.server.once('connection', () => resolve()));
    await app.close();
    socket.resume();
    await closed;
  });

  it('refuses headers without end', async () => {
    const { app } = server();
    app.get('/', () => 'read');
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    const response = await fetch(url, { headers: { long: 'x'.repeat(20_000) } });
    expect(response.status).toBe(431);
  });
});
