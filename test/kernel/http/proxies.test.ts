import { once } from 'node:events';
import { connect } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { asRivals } from '../../../src/kernel/http/addresses.js';
import { createHttpServer, registerHealth } from '../../../src/kernel/http/http-server.js';

const silent = pino({ level: 'silent' });

/** A server behind a proxy at 127.0.0.2, where each address may have one request under way. */
async function behindProxy() {
  const trustedProxies = ['127.0.0.2/32'];
  const app = createHttpServer({ log: silent, trustedProxies, limits: { requestsPerAddress: 1 } });
  const held: (() => void)[] = [];
  app.get('/held', () => new Promise((resolve) => held.push(() => resolve('done'))));
  app.get('/asked', ({ ip, host, protocol }) => `${ip} ${protocol}://${host}`);
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    for (const end of held) end();
    await app.close();
  });
  const { port } = app.server.address() as { port: number };
  const ask = async (from: string, path: string, ...headers: string[]) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 10.0.0.7\r\n${headers.join('\r\n')}\r\n\r\n`);
    return socket;
  };
  const answer = async (...request: Parameters<typeof ask>) => {
    const [bytes] = await once(await ask(...request), 'data');
    return String(bytes);
  };
  return { ask, answer, held };
}

const proxy = '127.0.0.2';
const stranger = '127.0.0.3';

describe('a trusted proxy', () => {
  it('says for which caller it asks, and each caller has a share', async () => {
    const { ask, answer, held } = await behindProxy();
    await ask(proxy, '/held', 'X-Forwarded-For: 192.0.2.1');
    await expect.poll(() => held.length).toBe(1);
    expect(await answer(proxy, '/asked', 'X-Forwarded-For: 192.0.2.1')).toContain('429');
    expect(await answer(proxy, '/asked', 'X-Forwarded-For: 192.0.2.2')).toContain('192.0.2.2');
  });

  it.each([
    [
      'X-Forwarded',
      ['X-Forwarded-For: 192.0.2.9', 'X-Forwarded-Host: pay.example', 'X-Forwarded-Proto: https'],
    ],
    ['Forwarded', ['Forwarded: for=192.0.2.9;proto=https;host=pay.example']],
    [
      'both',
      [
        'Forwarded: host=evil.example;for=6.6.6.6',
        'X-Forwarded-For: 192.0.2.9',
        'X-Forwarded-Host: pay.example',
        'X-Forwarded-Proto: https',
      ],
    ],
  ])('says by %s what it was asked by', async (_, headers) => {
    const { answer } = await behindProxy();
    expect(await answer(proxy, '/asked', ...headers)).toContain('192.0.2.9 https://pay.example');
  });
});

describe('a stranger', () => {
  it.each([
    [
      'X-Forwarded',
      ['X-Forwarded-For: 192.0.2.9', 'X-Forwarded-Host: pay.example', 'X-Forwarded-Proto: https'],
    ],
    ['Forwarded', ['Forwarded: for=192.0.2.9;proto=https;host=pay.example']],
  ])('is not believed what it says by %s', async (_, headers) => {
    const { answer } = await behindProxy();
    expect(await answer(stranger, '/asked', ...headers)).toContain('127.0.0.3 http://10.0.0.7');
  });

  it('does not use up the share of a caller that it names', async () => {
    const { ask, answer, held } = await behindProxy();
    await ask(stranger, '/held', 'X-Forwarded-For: 192.0.2.1');
    await expect.poll(() => held.length).toBe(1);
    expect(await answer(proxy, '/asked', 'X-Forwarded-For: 192.0.2.1')).toContain('192.0.2.1');
  });
});

describe('the Forwarded header', () => {
  it.each([
    ['for=192.0.2.1', { 'x-forwarded-for': '192.0.2.1' }],
    ['For="[2001:db8::1]:4711"', { 'x-forwarded-for': '2001:db8::1' }],
    ['for=192.0.2.1:80, for=192.0.2.2', { 'x-forwarded-for': '192.0.2.1, 192.0.2.2' }],
    ['proto=HTTPS', { 'x-forwarded-for': 'unknown', 'x-forwarded-proto': 'https' }],
    [
      'for=a;host=evil , for=b ; host="pay.example:8443"',
      { 'x-forwarded-for': 'a, b', 'x-forwarded-host': 'pay.example:8443' },
    ],
    ['for="a, b;host=x"', { 'x-forwarded-for': 'a, b;host=x' }],
    ['', {}],
    ['for', {}],
    ['for="192.0.2.1', {}],
    ['for=a b=c', {}],
  ])('%s', (text, headers) => {
    expect(asRivals(text)).toEqual(headers);
  });
});

describe('a load balancer', () => {
  it.each(['GET', 'HEAD'] as const)('gets 200 for %s', async (method) => {
    const app = createHttpServer({ log: silent });
    registerHealth(app, silent);
    for (const url of ['/healthz', '/healthz/']) {
      const { statusCode } = await app.inject({ method, url, headers: { host: 'whatever' } });
      expect(statusCode).toBe(200);
    }
    const options = await app.inject({ method: 'OPTIONS', url: '/healthz' });
    expect(options.statusCode).toBe(204);
    expect(options.headers.allow).toBe('GET, HEAD, OPTIONS');
  });
});
