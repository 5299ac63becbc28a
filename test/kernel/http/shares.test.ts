import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fastify } from 'fastify';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { issueAuthority, issueCertificate } from '../../../src/kernel/config/x509.js';
import { AllowedHosts } from '../../../src/kernel/http/addresses.js';
import { createHttpServer, registerHealth } from '../../../src/kernel/http/http-server.js';
import {
  AddressShares,
  guardShares,
  principalOf,
  Shares,
} from '../../../src/kernel/http/shares.js';
import { createTlsServer, type ServerTls } from '../../../src/kernel/http/tls.js';

class SmallShares extends AddressShares {
  override connections(): number {
    return 3;
  }
  override requests(address: string): number {
    return address.startsWith('::ffff:127.0.0.2') || address === '127.0.0.2' ? 2 : 100;
  }
}

/** A server where each address has three connections, and 127.0.0.2 has two requests. */
async function smallServer(tls?: ServerTls) {
  const app = tls
    ? fastify({ serverFactory: (handler) => createTlsServer(tls, {}, handler) })
    : fastify();
  guardShares(app, new SmallShares());
  const held: (() => void)[] = [];
  app.get('/held', () => new Promise((resolve) => held.push(() => resolve('done'))));
  app.get('/', () => 'here');
  await app.listen({ host: '127.0.0.1', port: 0 });
  const sockets: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    for (const end of held) end();
    await app.close();
  });
  const { port } = app.server.address() as { port: number };
  const dial = async (from: string) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    socket.on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    if (tls) return connectTls({ socket, rejectUnauthorized: false }).on('error', () => undefined);
    return socket;
  };
  return { app, dial, held };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;

async function answerTo(socket: Socket, request: string): Promise<string> {
  socket.write(request);
  const [bytes] = await once(socket, 'data');
  return String(bytes);
}

/** Where the connection was reset, too. */
const isClosed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

const until = (isSo: () => boolean) => expect.poll(isSo).toBe(true);

describe('Shares', () => {
  it('gives a principal its share, and others theirs', () => {
    const shares = new Shares(3);
    const first = shares.take('a', 2);
    expect(first).toBeDefined();
    expect(shares.take('a', 2)).toBeDefined();
    expect(shares.take('a', 2)).toBeUndefined();
    expect(shares.take('b', 2)).toBeDefined();
    expect(shares.take('c', 2)).toBeUndefined();
    first?.();
    first?.();
    expect(shares.count).toBe(2);
    expect(shares.take('a', 2)).toBeDefined();
  });

  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:ffff::2', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s is the principal %s', (address, principal) => {
    expect(principalOf(address)).toBe(principal);
  });
});

describe('connections', () => {
  it('an address with its share loses its idle connections, and others none', async () => {
    const { dial } = await smallServer();
    const other = await dial('127.0.0.3');
    expect(await answerTo(other, get('/'))).toContain('200 OK');
    const idle = [await dial('127.0.0.2'), await dial('127.0.0.2'), await dial('127.0.0.2')];
    const [oldest] = idle;
    const closed = oldest && once(oldest, 'close');
    const fourth = await dial('127.0.0.2');
    await closed;
    expect(await answerTo(fourth, get('/'))).toContain('200 OK');
    expect(await answerTo(other, get('/'))).toContain('200 OK');
  });

  it('an address whose connections are all busy is refused with a reason, and others served', async () => {
    const { dial, held } = await smallServer();
    for (let count = 1; count <= 3; count += 1) {
      (await dial('127.0.0.4')).write(get('/held'));
      await until(() => held.length === count);
    }
    const refused = await answerTo(await dial('127.0.0.4'), get('/'));
    expect(refused).toMatch(/^HTTP\/1.1 429 .*\r\nRetry-After: 1\r\n/);
    expect(refused).toContain('too much is under way');
    expect(await answerTo(await dial('127.0.0.3'), get('/'))).toContain('200 OK');
  });
});

describe('connections with TLS', () => {
  it('are idle and busy as those without', async () => {
    const authority = issueAuthority('test');
    const subject = { commonName: 'a', unit: 'a', organization: 'test' };
    const { dial, held } = await smallServer(issueCertificate(authority, subject, ['127.0.0.1']));
    const busy = [await dial('127.0.0.4'), await dial('127.0.0.4')];
    for (const [index, socket] of busy.entries()) {
      socket.write(get('/held'));
      await until(() => held.length === index + 1);
    }
    const idle = await dial('127.0.0.4');
    const closed = isClosed(idle);
    const next = await dial('127.0.0.4');
    await closed;
    next.write(get('/held'));
    await until(() => held.length === 3);
    await isClosed(await dial('127.0.0.4'));
    const answers = [...busy, next].map((socket) => once(socket, 'data'));
    for (const end of held) end();
    expect((await Promise.all(answers)).map(String).join()).toMatch(/200 OK.*200 OK.*200 OK/s);
  });
});

describe('requests under way', () => {
  it('an address that waits for its share gets 429, until one is answered', async () => {
    const { dial, held } = await smallServer();
    const waiting = [await dial('127.0.0.2'), await dial('127.0.0.2')];
    for (const socket of waiting) socket.write(get('/held'));
    await until(() => held.length === 2);
    const third = await dial('127.0.0.2');
    const refused = await answerTo(third, get('/'));
    expect(refused).toContain('429 Too Many Requests');
    expect(refused.toLowerCase()).toContain('retry-after: 1');
    expect(await answerTo(await dial('127.0.0.3'), get('/'))).toContain('200 OK');
    const answered = waiting[0] && once(waiting[0], 'data');
    held[0]?.();
    await answered;
    expect(await answerTo(third, get('/'))).toContain('200 OK');
  });

  it('a request whose caller is gone is dropped, since its address is not known any more', async () => {
    const { app, dial, held } = await smallServer();
    app.server.prependOnceListener('connection', (socket) => {
      Object.defineProperty(socket, 'remoteAddress', { value: undefined });
    });
    const gone = await dial('127.0.0.2');
    const closed = once(gone, 'close').then(() => 'closed');
    gone.write(get('/held'));
    expect(await Promise.race([closed, once(gone, 'data').then(String)])).toBe('closed');
    expect(held).toEqual([]);
    expect(await answerTo(await dial('127.0.0.2'), get('/'))).toContain('200 OK');
  });
});

describe('Host and Origin', () => {
  const hosts = new AllowedHosts({
    listen: { host: '127.0.0.1', port: 8080 },
    url: 'http://bank-a.example:8080',
    publicUrl: 'https://pay.example',
    allowedHosts: ['gateway', '2001:db8::7'],
    origins: new Set(['http://coordinator-1.example:8080']),
  });
  function guarded() {
    const app = createHttpServer({ log: pino({ level: 'silent' }), hosts });
    registerHealth(app, pino({ level: 'silent' }));
    app.get('/', () => 'here');
    onTestFinished(() => app.close());
    return app;
  }

  it.each([
    'localhost',
    'LOCALHOST:1',
    '127.0.0.1:8080',
    '[::1]:8080',
    'bank-a.example:8080',
    'pay.example',
    'gateway:99',
    '[2001:db8::7]',
  ])('the node is called by %s', async (host) => {
    expect((await guarded().inject({ url: '/', headers: { host } })).statusCode).toBe(200);
  });

  it.each([
    'evil.example',
    'localhost.evil.example',
    'pay.example.',
    'localhost@evil.example',
    'x/localhost',
  ])('the node is not called by %s', async (host) => {
    const answer = await guarded().inject({ url: '/', headers: { host } });
    expect(answer.statusCode).toBe(421);
    expect(answer.json()).toMatchObject({ error: 'misdirected' });
  });

  it.each([
    ['http://localhost:3000', 200],
    ['http://coordinator-1.example:8080', 200],
    ['https://pay.example', 200],
    ['http://coordinator-1.example:8081', 403],
    ['https://evil.example', 403],
    ['null', 403],
  ])('a page of %s gets %i', async (origin, status) => {
    const headers = { host: 'localhost', origin };
    expect((await guarded().inject({ url: '/', headers })).statusCode).toBe(status);
  });

  it('a probe asks for the health by any name', async () => {
    const answer = await guarded().inject({ url: '/healthz', headers: { host: '10.9.8.7' } });
    expect(answer.statusCode).toBe(200);
  });
});
