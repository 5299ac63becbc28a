import type { Socket } from 'node:net';
import type { Attack, Shot } from '../attack.js';
import { judge } from '../soap/judge.js';
import { addressesOf, type Range, soapAttack } from '../soap/range.js';
import type { Random } from '../support/random.js';
import { converse, type Ended, statusesIn, targetOf } from './raw.js';

/** Longer than the server waits for a request that does not come. */
const timeoutMs = 20_000;

type Request = (random: Random, path: string) => Buffer | string;

const post = (path: string, ...lines: readonly string[]): string =>
  [`POST ${path} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n');

/** Requests that are none, or two, or without an end. The server answers with 4xx, or closes. */
const malformed: readonly Request[] = [
  (random) => random.bytes(random.between(1, 4000)),
  (random) => Buffer.concat([Buffer.from('\x16\x03\x01\x02\x00\x01\x00'), random.bytes(512)]),
  () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  (_, path) => `POST ${path}\r\n\r\n`,
  (_, path) => `POST ${path} HTTP/9.9\r\nHost: x\r\n\r\n`,
  (random, path) =>
    `${random.pick(['FOO', 'CONNECT', 'TRACE', 'get'])} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
  (_, path) => `POST ${path} HTTP/1.1\r\n\r\n`,
  (random, path) => post(path, `X: ${'A'.repeat(random.between(16_000, 100_000))}`),
  (random, path) =>
    post(path, ...Array.from({ length: random.between(500, 5000) }, (_, i) => `X-${i}: 1`)),
  (_, path) => post(path, 'Content-Length: -1'),
  (_, path) => post(path, 'Content-Length: 99999999999999999999'),
  (_, path) => post(path, 'Content-Length: 5', 'Content-Length: 6'),
  (_, path) => `${post(path, 'Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
  (_, path) => `${post(path, 'Transfer-Encoding: chunked, identity')}0\r\n\r\n`,
  (_, path) => post(path, 'Transfer-Encoding: foo'),
  (_, path) => `${chunked(path)}zz\r\nabc\r\n`,
  (_, path) => `${chunked(path)}ffffffffffffffff\r\nabc\r\n`,
  (_, path) => `${chunked(path)}5\r\nabcdefgh\r\n0\r\n\r\n`,
  (random, path) =>
    `${chunked(path)}5;${'x'.repeat(random.between(1000, 40_000))}\r\nabcde\r\n0\r\n\r\n`,
  (random, path) => Buffer.concat([Buffer.from(chunked(path)), random.bytes(200)]),
  (_, path) => post(path, 'Bad Header: 1'),
  (_, path) => post(path, 'X: a\u0000b'),
  (_, path) => post(path, ' folded: 1'),
  (_, path) => post(path, 'Expect: 200-ok', 'Content-Length: 0'),
  (random) =>
    `GET /${'%'.repeat(random.between(1, 200))} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  (random) =>
    `GET /${'a'.repeat(random.between(10_000, 60_000))} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
];

/** Requests in order, many at a time, some of them cut off. */
const pipelined: readonly Request[] = [
  (random, path) => closing(path).repeat(1) + post(path).repeat(random.between(1, 20)),
  (random) => `GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(random.between(5, 100)) + last,
  (random, path) => post(path, 'Content-Length: 0').repeat(random.between(5, 50)) + last,
  (_, path) => `${post(path, 'Content-Length: 10')}abc${last}`,
];
const last = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

function chunked(path: string): string {
  return post(path, 'Content-Type: application/soap+xml', 'Transfer-Encoding: chunked');
}

function closing(path: string): string {
  return post(path, 'Content-Length: 0', 'Connection: close');
}

const contentTypes = [
  'application/json',
  'text/plain',
  'multipart/related; boundary=x; type="application/xop+xml"',
  'application/x-www-form-urlencoded',
  'text/xml; charset=utf-16',
  'application/soap+xml; charset=utf-7',
  'application/soap+xml; charset="',
  `application/soap+xml; ${'a=b; '.repeat(500)}`,
  'application/soap+xml\u00e9',
  '',
  '*/*',
  '/',
];

/** Abuse of HTTP itself, at every node's server. */
export function httpAttacks(range: Range): Attack[] {
  const urls = range.victim.local.nodes.map(({ url }) => url);
  const services = [
    ...addressesOf(range.victim.recording.templates),
    range.victim.local.transferUrl,
  ];
  const raw = (kind: string, weight: number, requests: readonly Request[]): Attack => ({
    kind: `HTTP: ${kind}`,
    weight,
    launch: async (random) => {
      const service = new URL(random.pick(services));
      const bytes = Buffer.from(random.pick(requests)(random, service.pathname));
      const ended = await converse(targetOf(service.href), timeoutMs, (socket) =>
        send(random, socket, bytes),
      );
      return [judgeRaw(ended, bytes)];
    },
  });
  return [
    raw('malformed request', 60, malformed),
    raw('pipelined requests', 15, pipelined),
    soapAttack(range, 'HTTP: wrong content type', 20, (random) => ({
      address: random.pick(services),
      text: '<a/>',
      headers: { 'content-type': random.pick(contentTypes) },
      expected: { kind: 'refused' },
    })),
    {
      kind: 'HTTP: pages, odd addresses',
      weight: 20,
      launch: async (random) => {
        const address = random.pick(urls) + random.pick(paths)(random);
        const headers = random.oneIn(4)
          ? { 'x-forwarded-host': 'evil', forwarded: 'host=evil' }
          : {};
        const shot = judge(await range.poster.get(address, headers), { kind: 'any' });
        return [shot.violation === undefined ? shot : { ...shot, input: Buffer.from(address) }];
      },
    },
  ];
}

const paths: readonly ((random: Random) => string)[] = [
  (random) => `/proof/${random.uuid()}`,
  (random) => `/proof/${encodeURIComponent(random.bytes(40).toString('latin1'))}`,
  () => '/proof/../../../../etc/passwd',
  () => '/proof/%2e%2e%2f%2e%2e%2fcluster.json',
  () => '/proof/__proto__',
  () => '/activation?wsdl',
  () => '/activation?xsd=../../../package',
  () => '/activation?xsd=__proto__',
  () => '/activation?wsdl&wsdl=%00',
  () => '/status?x=%ff',
  () => '/status/',
  () => '//evil.test/healthz',
  (random) => `/${random.hex(40)}`,
  (random) => `/proof/${'a'.repeat(random.between(200, 3000))}`,
  () => '/healthz?__proto__[x]=1',
];

function send(random: Random, socket: Socket, bytes: Buffer): void {
  const at = random.below(bytes.length);
  switch (random.below(3)) {
    case 0:
      socket.write(bytes.subarray(0, at));
      setImmediate(() => socket.end(bytes.subarray(at)));
      return;
    case 1:
      socket.write(bytes);
      setImmediate(() => socket.resetAndDestroy());
      return;
    default:
      socket.end(bytes);
  }
}

function judgeRaw({ how, received }: Ended, input: Buffer): Shot {
  const statuses = statusesIn(received);
  const answer = statuses.length === 0 ? how : String(statuses.at(0));
  if (how === 'left') return { answer, violation: 'the connection stayed open', input };
  // 501 and 505 are for methods, codings and versions that the server does not have.
  const wrong = statuses.find((status) => status >= 500 && ![501, 503, 505].includes(status));
  return wrong === undefined ? { answer } : { answer, violation: `status ${wrong}`, input };
}
