import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeDecisionProof } from '../../../src/agreement/certificate.js';
import { serveJson } from '../../../src/banking/front/json-port.js';
import { readPublicFile } from '../../../src/banking/front/public-file.js';
import type { FrontRequests } from '../../../src/banking/front/requests.js';
import { createHttpServer } from '../../../src/kernel/http/http-server.js';
import { transactionId } from '../../../src/kernel/ids.js';
import { soapFaults } from '../../../src/soap/faults.js';
import { loadOpenApi } from '../../../src/soap/wsdl.js';
import { temporaryDirectory } from '../../kernel/support/directory.js';
import { serveInitiator } from '../../support/nodes/stubs.js';
import { log, World } from '../../support/nodes/world.js';
import { clusterText, serveFront, serveProof } from './support/front.js';

const document = JSON.parse(loadOpenApi('front'));
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(document, 'openapi');

const tid = transactionId('00000000-0000-8000-8000-000000000001');
const order = {
  from: { bank: 'bank-a', account: 'a1' },
  to: [
    { bank: 'bank-b', account: 'b1', amountMinor: 300 },
    { bank: 'bank-b', account: 'b2', amountMinor: 200 },
  ],
  currency: 'EUR',
};

let world: World;
beforeEach(async () => {
  world = await World.make({ defaultExpiresMs: 20_000 });
});

interface Sending {
  readonly key?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

function send(url: string, { key = 'one', body = order, headers = {} }: Sending = {}) {
  return fetch(`${url}/transfers`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key !== '' && { 'idempotency-key': key }),
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

interface Answer {
  readonly status: number;
  readonly code?: string;
  /** Of what is refused before it comes to the port. */
  readonly error?: string;
}

/** The JSON of an answer, which has to be as the description says. */
async function described(path: string, method: string, response: Response): Promise<Answer> {
  const type = response.headers.get('content-type')?.split(';')[0] ?? '';
  const given = document.paths[path][method].responses[response.status];
  const { content } = given.$ref ? document.components.responses[lastOf(given.$ref)] : given;
  expect(Object.keys(content)).toContain(type);
  const json = (await response.json()) as object;
  const { schema } = content[type];
  const validate = ajv.compile(schema.$ref ? { $ref: `openapi${schema.$ref}` } : schema);
  expect(validate(json) ? '' : ajv.errorsText(validate.errors)).toBe('');
  return { ...json, status: response.status };
}

const lastOf = (ref: string) => ref.slice(ref.lastIndexOf('/') + 1);
const answer = (response: Response) => described('/transfers', 'post', response);

async function initiators(outcome: 'committed' | 'aborted' = 'committed') {
  const result = { transactionId: tid, outcome };
  const given = outcome === 'aborted' ? { ...result, reason: 'Closed' } : result;
  const seen = await Promise.all([0, 1].map((index) => serveInitiator(world, index, () => given)));
  return () => new Set(seen.flat().map(({ client, timestamp }) => `${client} ${timestamp}`)).size;
}

describe('a transfer in JSON', () => {
  it('gets its outcome, and under one key is made once', async () => {
    const seen = await initiators();
    const url = await serveFront(world);
    const sent = await Promise.all([1, 2, 3].map(() => send(url)));
    for (const each of sent) {
      expect(await answer(each)).toEqual({
        status: 200,
        transactionId: tid,
        outcome: 'committed',
      });
    }
    expect(seen()).toBe(1);
    const known = await fetch(`${url}/outcome?key=one`);
    expect(await described('/outcome', 'get', known)).toMatchObject({ state: 'committed' });
  });

  it('is the same request in SOAP', async () => {
    const seen = await initiators();
    const url = await serveFront(world);
    await send(url);
    const soap = await fetch(`${url}/transfer`, {
      method: 'POST',
      headers: { 'content-type': 'text/xml', 'idempotency-key': 'one' },
      body:
        '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>' +
        '<b:Transfer xmlns:b="urn:concordat:bank"><b:debtor><b:bank>bank-a</b:bank>' +
        '<b:account>a1</b:account></b:debtor>' +
        order.to
          .map(
            ({ bank, account, amountMinor }) =>
              `<b:creditor><b:bank>${bank}</b:bank><b:account>${account}</b:account>` +
              `<b:amountMinor>${amountMinor}</b:amountMinor></b:creditor>`,
          )
          .join('') +
        '<b:currency>EUR</b:currency></b:Transfer></S:Body></S:Envelope>',
    });
    expect(await soap.text()).toContain(tid);
    expect(seen()).toBe(1);
  });

  it('says why it was aborted', async () => {
    await initiators('aborted');
    const url = await serveFront(world);
    expect(await answer(await send(url))).toMatchObject({ outcome: 'aborted', reason: 'Closed' });
  });
});

describe('a transfer in JSON is refused', () => {
  const to = (change: object) => ({ ...order, to: [{ ...order.to[0], ...change }] });
  it.each<[string, Sending, number, string]>([
    ['without a key', { key: '' }, 400, 'invalid-key'],
    ['with a key that is too long', { key: 'k'.repeat(256) }, 400, 'invalid-key'],
    ['that is no JSON', { body: '{' }, 400, 'malformed'],
    ['that is empty', { body: {} }, 400, 'malformed'],
    ['with a field too many', { body: { ...order, memo: 'rent' } }, 400, 'malformed'],
    ['of no amount', { body: to({ amountMinor: 0 }) }, 400, 'malformed'],
    ['of half a cent', { body: to({ amountMinor: 0.5 }) }, 400, 'malformed'],
    ['of an amount in text', { body: to({ amountMinor: '5' }) }, 400, 'malformed'],
    ['to an account out of form', { body: to({ account: 'a b' }) }, 400, 'malformed'],
    ['to nobody', { body: { ...order, to: [] } }, 400, 'malformed'],
    ['to too many', { body: { ...order, to: Array(16).fill(order.to[0]) } }, 400, 'malformed'],
    ['in no currency', { body: { ...order, currency: 'euro' } }, 400, 'malformed'],
    [
      'of amounts that add up to too much',
      { body: { ...order, to: order.to.map((one) => ({ ...one, amountMinor: 2 ** 53 - 1 })) } },
      400,
      'malformed',
    ],
    ['that is too large', { body: ' '.repeat(17_000) }, 413, 'too-large'],
    [
      'as a form of a foreign page sends it',
      { headers: { 'content-type': 'text/plain' } },
      415,
      'unsupported-media-type',
    ],
    [
      'from a page at another port',
      { headers: { origin: 'http://127.0.0.1:1' } },
      403,
      'foreign-origin',
    ],
    ['from a page without an origin', { headers: { origin: 'null' } }, 403, 'foreign-origin'],
    [
      'from a page elsewhere',
      { headers: { origin: 'https://evil.example' } },
      403,
      'foreign-origin',
    ],
  ])('%s', async (_, sending, status, code) => {
    const seen = await initiators();
    const url = await serveFront(world);
    const refused = await answer(await send(url, sending));
    expect(refused).toMatchObject({ status });
    expect(refused.code ?? refused.error).toBe(code);
    expect(seen()).toBe(0);
  });

  it('not from the front door’s own pages, by any of its names', async () => {
    await initiators();
    const url = await serveFront(world, { publicUrl: 'https://pay.example/door' });
    expect(await send(url, { headers: { origin: url } })).toMatchObject({ status: 200 });
    // A proxy that ends TLS and is not trusted; `fetch` names no other host.
    const headers = {
      host: 'pay.example',
      origin: 'https://pay.example',
      'content-type': 'application/json',
      'idempotency-key': 'two',
    };
    const posted = request(`${url}/transfers`, { method: 'POST', headers });
    posted.end(JSON.stringify(order));
    const [{ statusCode }] = (await once(posted, 'response')) as [IncomingMessage];
    expect(statusCode).toBe(200);
  });

  it('where the key names another request, with the code of the SOAP fault', async () => {
    await initiators();
    const url = await serveFront(world);
    await send(url);
    const other = { ...order, currency: 'USD' };
    expect(await answer(await send(url, { body: other }))).toMatchObject({
      status: 422,
      type: 'urn:concordat:2026:ConflictingKey',
      code: 'conflict',
      key: 'one',
    });
  });

  it('where the initiators refuse it', async () => {
    for (const index of [0, 1, 2]) {
      await serveInitiator(world, index, () => {
        throw soapFaults.sender('There is no bank bank-b.');
      });
    }
    const url = await serveFront(world);
    expect(await answer(await send(url))).toMatchObject({
      status: 422,
      code: 'refused',
      detail: expect.stringContaining('There is no bank bank-b.'),
    });
    const known = await fetch(`${url}/outcome?key=one`);
    expect(await described('/outcome', 'get', known)).toMatchObject({ state: 'refused' });
  });

  it('where its outcome is not known in time, with what to ask by', async () => {
    world = await World.make({ defaultExpiresMs: 500 });
    const url = await serveFront(world);
    expect(await answer(await send(url))).toMatchObject({
      status: 504,
      code: 'outcome-unknown',
      key: 'one',
      client: expect.stringMatching(/^front\//),
    });
    const known = await fetch(`${url}/outcome?key=one`);
    expect(await described('/outcome', 'get', known)).toMatchObject({ state: 'open' });
    const other = await fetch(`${url}/outcome?key=two`);
    expect(await described('/outcome', 'get', other)).toMatchObject({ status: 404 });
  });

  it('where an address has too much under way', async () => {
    let open = () => {};
    const held = new Promise<void>((resolve) => {
      open = resolve;
    });
    const given = async () => {
      await held;
      return { transactionId: tid, outcome: 'committed' as const };
    };
    await Promise.all([0, 1, 2].map((index) => serveInitiator(world, index, given)));
    const url = await serveFront(world);
    const busy = await Promise.any(
      Array.from({ length: 257 }, async (_, index) => {
        const response = await send(url, { key: `key-${index}` });
        if (response.status !== 503) throw new Error('not refused');
        return response;
      }),
    );
    open();
    expect(busy.headers.get('retry-after')).toBe('1');
    expect(await answer(busy)).toMatchObject({
      code: 'busy',
      detail: 'too much is under way for this address',
    });
  });
});

describe('a proof at the front door', () => {
  const get = (url: string, what: string) => fetch(`${url}/proof/${what}`);
  const problem = (response: Response) => described('/proof/{transaction}', 'get', response);

  it('is the first valid one that a coordinator gives', async () => {
    const { evidence } = world;
    const proof = encodeDecisionProof(evidence.decision(evidence.commitValue()));
    const changed = Buffer.from(proof);
    changed.writeUInt8((changed.at(-1) ?? 0) ^ 1, changed.length - 1);
    await serveProof(world, 0, new Map([[evidence.tid, changed]]));
    await serveProof(world, 1, new Map());
    await serveProof(world, 2, new Map([[evidence.tid, proof]]));
    const url = await serveFront(world);
    const response = await get(url, evidence.tid);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('content-disposition')).toContain(`${evidence.tid}.proof`);
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.from(proof));
    expect(await problem(await get(url, tid))).toMatchObject({
      status: 404,
      code: 'unknown-transaction',
    });
  });

  it('is refused where no coordinator answers, and for what is no transaction', async () => {
    const url = await serveFront(world);
    expect(await problem(await get(url, tid))).toMatchObject({ code: 'no-answer' });
    expect(await problem(await get(url, 'x'))).toMatchObject({ code: 'malformed' });
  });
});

describe('the front door', () => {
  it('describes every route of its JSON, and no other', async () => {
    const app = createHttpServer({ log });
    const routes: string[] = [];
    app.addHook('onRoute', ({ method, url }) => void routes.push(`${String(method)} ${url}`));
    serveJson(app, {
      requests: {} as FrontRequests,
      cluster: world.cluster,
      publicFile: async () => clusterText,
      inFlightMax: 1,
    });
    await app.ready();
    const paths = Object.entries<object>(document.paths);
    const described = paths.flatMap(([path, item]) =>
      ['get', 'post']
        .filter((method) => method in item)
        .map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    // The front door's own, for SOAP as well.
    const own = ['GET /outcome', ...routes.filter((route) => !route.startsWith('HEAD'))];
    expect(own.sort()).toEqual(described.sort());
  });

  it('serves the cluster’s public file as it is, and its own description', async () => {
    const url = await serveFront(world);
    expect(await (await fetch(`${url}/cluster.json`)).text()).toBe(clusterText);
    expect(await (await fetch(`${url}/openapi.json`)).json()).toEqual(document);
  });

  it('adds participants that were admitted to the cluster’s public file', async () => {
    const path = join(await temporaryDirectory(), 'cluster.json');
    await writeFile(path, JSON.stringify({ id: 'test', participants: [] }));
    const participants = world.cluster.participants.slice(0, 1);
    const text = await readPublicFile(path, world.cluster, { ...world.cluster, participants });
    expect(JSON.parse(text)).toEqual({ id: 'test', participants });
  });

  it('serves its page with a strict policy, and nothing beside it', async () => {
    const url = await serveFront(world);
    const page = await fetch(url);
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.headers.get('content-security-policy')).toContain("connect-src 'self';");
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const script = await fetch(`${url}/pages/app.js`);
    expect(script.headers.get('content-type')).toContain('javascript');
    for (const path of ['/pages/..%2fpage.ts', '/pages/none.js', '/app.js']) {
      expect((await fetch(url + path)).status, path).toBeGreaterThanOrEqual(400);
    }
  });
});
