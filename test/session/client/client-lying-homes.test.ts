import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { TestCluster } from '../../../src/api/test-cluster.js';
import { loadNode } from '../../../src/kernel/config/node-file.js';
import {
  SessionClient,
  type SessionClientOptions,
} from '../../../src/session/client/session-client.js';

const notes = fileURLToPath(new URL('../../support/notes/application.mjs', import.meta.url));
const count = (key: string) => JSON.stringify({ count: key });
const done = (result: string) => ({ kind: 'done', result });

interface Asked {
  readonly path: string;
  /** The session that the request is about. */
  readonly session: string;
  /** What an honest coordinator answers to it. */
  honest(): Promise<Response>;
  readonly response: ServerResponse;
}
type Lie = (asked: Asked) => Promise<void> | void;

let cluster: TestCluster;
const servers: Server[] = [];
const clients: SessionClient[] = [];
beforeAll(async () => {
  cluster = await TestCluster.start({ sessions: { engine: 'antipaxos', modules: { notes } } });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});
afterAll(() => cluster.stop());

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** Real HTTP, with its lie for whoever asks. */
async function liar(lie: Lie): Promise<string> {
  const honestUrl = cluster.cluster.coordinators[0]?.url ?? '';
  let session = '';
  const server = createServer(async (request, response) => {
    const { url: path = '', method = 'GET' } = request;
    const body = await bodyOf(request);
    session = path.match(/[0-9a-f]{64}/)?.[0] ?? session;
    const headers = { 'content-type': 'application/json' };
    const honest = () => fetch(honestUrl + path, { method, ...(body && { body, headers }) });
    await Promise.resolve(lie({ path, session, honest, response })).catch(() => undefined);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function open(liars: readonly string[], options: Partial<SessionClientOptions> = {}) {
  const node = await loadNode(join(cluster.directory, 'nodes', 'alice.json'));
  if (node.role !== 'client') throw new Error('not a client');
  const coordinators = cluster.cluster.coordinators.map((member, index) => {
    const url = liars[index];
    return url === undefined ? member : { ...member, url };
  });
  const client = new SessionClient({
    cluster: { ...cluster.cluster, coordinators },
    ...{ node, application: 'notes', home: 'coordinator-0' },
    ...{ answerTimeoutMs: 1000, finalAfterMs: 3000 },
    ...options,
  });
  clients.push(client);
  return client;
}

function json(response: ServerResponse, value: object, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

/** A stream that is alive and says nothing. */
function endless({ response }: Asked): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const beat = setInterval(() => response.write(':\n\n'), 50);
  response.on('close', () => clearInterval(beat));
}

/** Answers as the honest one does, but for what `change` makes of it. */
function changed(change: (text: string, asked: Asked) => string): Lie {
  return async (asked) => {
    if (asked.path.includes('/events')) return endless(asked);
    const answer = await asked.honest();
    const text = change(await answer.text(), asked);
    asked.response.writeHead(answer.status, { 'content-type': 'application/json' });
    asked.response.end(text);
  };
}

const says =
  (answer: (asked: Asked) => object, status = 200): Lie =>
  (asked) =>
    asked.path.includes('/events') ? endless(asked) : json(asked.response, answer(asked), status);

/** Answers as the honest one does, without what is more than a promise. */
async function promisesAlone({ honest, response }: Asked): Promise<void> {
  const answer = await honest();
  const { statuses, ...rest } = (await answer.json()) as { statuses: { status: object }[] };
  const early = statuses.filter(({ status }) => 'kind' in status && status.kind === 'provisional');
  json(response, { ...rest, statuses: early });
}

let asksOfPingPong = 0;
let earlier = '';

const lies: Readonly<Record<string, Lie>> = {
  'has all of it, and shows nothing': changed((text) =>
    JSON.stringify({ ...JSON.parse(text), next: 1000, statuses: [] }),
  ),
  'has nothing of it': changed((text) => text.replace(/"next":\d+/, '"next":1')),
  'is busy for ever': says(() => ({ error: 'busy', retryAfterMs: 5, reason: 'no' }), 429),
  'is busy for an hour': says(() => ({ error: 'busy', retryAfterMs: 3.6e6, reason: 'no' }), 429),
  'lacks what came before, for ever': says(() => ({ error: 'gap', next: 1 }), 409),
  'lacks what has not come yet': says(() => ({ error: 'gap', next: 1000 }), 409),
  'takes it and has forgotten it, in turns': async (asked) => {
    if (asked.path.includes('/events')) return endless(asked);
    asksOfPingPong += 1;
    if (asked.path.includes('/commit')) {
      return json(asked.response, { error: 'unknown-session' }, 404);
    }
    return promisesAlone(asked);
  },
  'refuses it': says(() => ({ error: 'ended' }), 409),
  'promises, and orders nothing': async (asked) => {
    if (asked.path.includes('/events')) return endless(asked);
    return promisesAlone(asked);
  },
  'promises another result': changed((text) => text.replace(/"result":"\d+"/, '"result":"99"')),
  'promises a result that no text can be': changed((text) =>
    text.replace(/"result":"\d+"/, '"result":"\\ud800"'),
  ),
  'promises a result longer than any': changed((text) =>
    text.replace(/"result":"\d+"/, `"result":"${'9'.repeat(20_000)}"`),
  ),
  'shows the promise of another session': changed((text) => {
    const said = earlier;
    earlier = text.includes('"receipt"') ? text : earlier;
    return said && JSON.parse(said).statuses.length > 0
      ? JSON.stringify({ ...JSON.parse(text), statuses: JSON.parse(said).statuses })
      : text.replaceAll(/"signature":"[^"]{4}/g, '"signature":"AAAA');
  }),
  'shows promises in place of witnesses': changed((text) => {
    const answer = JSON.parse(text);
    for (const one of answer.statuses ?? []) {
      if (one.status.kind !== 'provisional') continue;
      const { receipt } = one.status;
      one.status = { ...one.status, kind: 'witnessed', witnesses: [receipt, receipt] };
    }
    return JSON.stringify(answer);
  }),
  'answers for another session': changed((text) =>
    JSON.stringify({ ...JSON.parse(text), session: 'ab'.repeat(32) }),
  ),
  'speaks without end': ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = () => {
      while (response.write(' '.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  },
  'speaks one letter at a time': ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const beat = setInterval(() => response.write(' '), 50);
    response.on('close', () => clearInterval(beat));
  },
  'sends the client elsewhere': ({ response }) => {
    response.writeHead(307, { location: cluster.cluster.coordinators[0]?.url ?? '' });
    response.end();
  },
  'says nothing': () => undefined,
  'closes the stream of events each time': async (asked) => {
    if (asked.path.includes('/events')) {
      asked.response.writeHead(200, { 'content-type': 'text/event-stream' });
      return void asked.response.end();
    }
    return changed((text) => text)(asked);
  },
};

/** Where it is the lie itself that the home is left for, and not that it brings nothing on. */
const reasons: Readonly<Record<string, RegExp>> = {
  'has nothing of it': /does not take/,
  'promises another result': /another result/,
  'promises a result that no text can be': /cannot be read/,
  'promises a result longer than any': /cannot be read/,
  'shows promises in place of witnesses': /cannot be read/,
  'answers for another session': /of another session/,
  'closes the stream of events each time': /ended the stream/,
};

it.each(Object.entries(lies))(
  'leaves a home that %s, and nothing is done twice',
  async (name, lie) => {
    const left: string[] = [];
    // Where the reason counts, a busy machine must not be slower than the client is patient.
    const patience = name in reasons ? { answerTimeoutMs: 10_000, finalAfterMs: 10_000 } : {};
    const onHome = (_home: string, why: string) => left.push(why);
    const client = await open([await liar(lie)], { ...patience, onHome });
    const first = await client.call(count(name));
    expect(first.result).toEqual(done('1'));
    await client.commit();
    expect((await first.final).result).toEqual(done('1'));
    const second = await client.call(count(name));
    const end = await client.end();
    await end.final;
    expect((await second.final).result).toEqual(done('2'));
    expect(left[0]).toMatch(reasons[name] ?? /./);
    expect(client.home).not.toBe('coordinator-0');
  },
  60_000,
);

it('does not ask a home that takes and forgets it as fast as it can', () => {
  expect(asksOfPingPong).toBeGreaterThan(2);
  expect(asksOfPingPong).toBeLessThan(30);
});

it('gives up where all homes claim to have it and none shows a promise', async () => {
  const lie = lies['has all of it, and shows nothing'] as Lie;
  const urls = await Promise.all([0, 1, 2, 3].map(() => liar(lie)));
  const client = await open(urls, { answerTimeoutMs: 200, giveUpAfterMs: 2000 });
  const error = await client.call(count('nowhere')).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'SessionError', code: 'unreachable' });
});
