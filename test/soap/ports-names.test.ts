import { fastify } from 'fastify';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AllowedHosts, OwnAddresses } from '../../src/kernel/http/addresses.js';
import { createHttpServer } from '../../src/kernel/http/http-server.js';
import { anonymous } from '../../src/soap/addressing.js';
import { newMessageId } from '../../src/soap/client.js';
import { registerPort } from '../../src/soap/server.js';
import { newVerifier, signerOf } from '../support/soap-parties.js';
import { body, faultIn, signed } from './harness.js';

const ask = 'urn:test/Ask';
const log = pino({ level: 'silent' });
const url = 'http://bank-a.internal:8080';

/** A node with a signed port and a plain one, and what its file says of its names. */
function served(names: { publicUrl?: string; allowedHosts?: string[]; url?: string }) {
  const own = { listen: { host: '0.0.0.0', port: 8080 }, url, ...names };
  const app = createHttpServer({
    log,
    hosts: new AllowedHosts(own),
    addresses: new OwnAddresses(own),
    trustedProxies: ['127.0.0.1'],
  });
  onTestFinished(() => app.close());
  const answer = { kind: 'request-reply', replyAction: 'urn:test/Answer' } as const;
  const operations = { [ask]: { ...answer, handle: () => ({ body: body('Answer') }) } };
  registerPort(app, {
    path: '/account',
    wsdl: 'account',
    security: {
      kind: 'signed',
      verifier: newVerifier(),
      signer: signerOf('service'),
      address: `${own.url}/account`,
    },
    operations,
  });
  registerPort(app, {
    path: '/transfer',
    wsdl: 'transfer',
    security: { kind: 'plain' },
    operations,
  });
  const location = async (path: string, headers: Record<string, string>) => {
    const { body: text } = await app.inject({ url: `${path}?wsdl`, headers });
    return /address location="([^"]*)"/.exec(text)?.[1];
  };
  const send = async (to: string) => {
    const addressing = { to, action: ask, messageId: newMessageId(), replyTo: anonymous };
    const { statusCode, body: text } = await app.inject({
      method: 'POST',
      url: '/account',
      headers: { host: 'localhost', 'content-type': 'application/soap+xml' },
      payload: signed(signerOf('caller'), addressing),
    });
    return statusCode === 200 ? 'taken' : faultIn(text);
  };
  return { location, send, app };
}

describe('the address in a WSDL', () => {
  const forwarded = { host: '10.0.0.7:8080', 'x-forwarded-proto': 'https' };

  it.each<[string, Record<string, string>]>([
    ['keeps the Host', { host: 'pay.example' }],
    ['keeps the Host and names the scheme', { host: 'pay.example', 'x-forwarded-proto': 'https' }],
    ['changes the Host and names it', { ...forwarded, 'x-forwarded-host': 'pay.example' }],
  ])('is the public one behind a proxy that %s', async (_, headers) => {
    const { location } = served({ publicUrl: 'https://pay.example' });
    expect(await location('/transfer', headers)).toBe('https://pay.example/transfer');
    expect(await location('/account', headers)).toBe('https://pay.example/account');
  });

  it('is what a trusted proxy says, where no public one is configured', async () => {
    const { location } = served({ allowedHosts: ['pay.example'] });
    const headers = { ...forwarded, 'x-forwarded-host': 'pay.example' };
    expect(await location('/account', headers)).toBe('https://pay.example/account');
  });

  it('is accepted in a message, by whatever name it was asked', async () => {
    const { location, send } = served({
      publicUrl: 'https://pay.example',
      allowedHosts: ['gateway'],
    });
    for (const host of [
      'bank-a.internal:8080',
      'pay.example',
      'gateway',
      'GATEWAY:8080',
      'localhost',
    ]) {
      const address = await location('/account', { host });
      expect(await send(address ?? '')).toBe('taken');
    }
  });

  it('is given by any name that clients use for the query, and to HTTP/1.0 without a Host', async () => {
    const { app } = served({});
    for (const query of ['wsdl', 'WSDL', 'Wsdl', 'singleWsdl', 'wsdl=1', 'x=1&wsdl']) {
      const headers = { host: 'localhost' };
      const response = await app.inject({ url: `/account?${query}`, headers });
      expect(response.body).toContain(`location="${url}/account"`);
      const head = await app.inject({ method: 'HEAD', url: `/account?${query}`, headers });
      expect(head.statusCode).toBe(200);
    }
    const nameless = await app.inject({ url: '/account?wsdl', headers: { host: '' } });
    expect(nameless.body).toContain(`location="${url}/account"`);
  });
});

describe('a message to another name of the node', () => {
  it("is taken where the name is the node's", async () => {
    const { send } = served({ publicUrl: 'https://gate.example/bank-a', allowedHosts: ['bank-a'] });
    for (const base of [
      url,
      'HTTP://Bank-A.Internal:8080',
      'https://gate.example/bank-a',
      'http://bank-a:8080',
    ]) {
      expect(await send(`${base}/account`)).toBe('taken');
    }
  });

  it.each([
    'https://gate.example/bank-b/account',
    'http://bank-b.internal:8080/account',
    'http://localhost:8080/account',
    'http://bank-a.internal:8080/transfer',
  ])("is not taken where it may be another node's: %s", async (to) => {
    const { send } = served({ publicUrl: 'https://gate.example/bank-a' });
    expect(await send(to)).toBe('DestinationUnreachable');
  });
});

describe('a node at an IPv6 address', () => {
  it('is served, described and addressed by it', async () => {
    const port = await freePort();
    const origin = `http://[::1]:${port}`;
    const { app, send, location } = served({ url: origin });
    await app.listen({ host: '::1', port });
    const response = await fetch(`${origin}/transfer?wsdl`);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain(`location="${origin}/transfer"`);
    expect(await location('/account', { host: `[::1]:${port}` })).toBe(`${origin}/account`);
    expect(await send(`${origin}/account`)).toBe('taken');
    expect(await send(`http://[0:0:0:0:0:0:0:1]:${port}/account`)).toBe('taken');
  });
});

async function freePort(): Promise<number> {
  const probe = fastify();
  const address = await probe.listen({ host: '::1', port: 0 });
  await probe.close();
  return Number(new URL(address).port);
}
