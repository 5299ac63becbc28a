import type { Socket } from 'node:net';
import { httpHeaders } from '../../../src/soap/transport.js';
import type { Attack, Shot } from '../attack.js';
import { addressesOf, type Range } from '../soap/range.js';
import type { Random } from '../support/random.js';
import { converse, targetOf } from './raw.js';

/** A request that is not all there after 10 s is given up, which is looked for every 5 s. */
const closedWithinMs = 25_000;
const dripMs = 500;
/** Slow connections at a time: they cost the attacker nothing, so there may be many of them. */
const slowMax = 200;

/** What is sent at once, and what drips after it, a byte at a time. */
type Script = (random: Random, path: string) => { readonly head: string; readonly drip: string };

const headers = Object.entries(httpHeaders('1.2', 'urn:x')).map(
  ([name, value]) => `${name}: ${value}`,
);

const scripts: readonly Script[] = [
  () => ({ head: '', drip: '' }),
  () => ({ head: '', drip: `POST /x HTTP/1.1\r\n${'A: b\r\n'.repeat(1000)}` }),
  (_, path) => ({ head: `POST ${path} HTTP/1.1\r\nHost: x\r\n`, drip: 'X: y\r\n'.repeat(1000) }),
  (_, path) => ({
    head: [`POST ${path} HTTP/1.1`, 'Host: x', ...headers, 'Content-Length: 1000', '', ''].join(
      '\r\n',
    ),
    drip: '<'.repeat(1000),
  }),
  (_, path) => ({
    head: [
      `POST ${path} HTTP/1.1`,
      'Host: x',
      ...headers,
      'Transfer-Encoding: chunked',
      '',
      '',
    ].join('\r\n'),
    drip: '1\r\nA\r\n'.repeat(500),
  }),
];

/**
 * Connections that say little, and slowly (slowloris), or nothing. They are left to themselves, so that
 * other attacks go on; `settle` waits for the last.
 */
export class SlowConnections {
  readonly #open = new Set<Promise<unknown>>();
  readonly #done: Shot[] = [];

  attack({ victim }: Range): Attack {
    const services = [...addressesOf(victim.recording.templates), victim.local.transferUrl];
    return {
      kind: 'HTTP: slow or silent connection',
      weight: 10,
      launch: async (random) => {
        const finished = this.#done.splice(0);
        if (this.#open.size < slowMax) this.#start(random, new URL(random.pick(services)));
        return finished;
      },
    };
  }

  /** What came of those that were still open. */
  async settle(): Promise<readonly Shot[]> {
    await Promise.all(this.#open);
    return this.#done.splice(0);
  }

  #start(random: Random, service: URL): void {
    const { head, drip } = random.pick(scripts)(random, service.pathname);
    const run = converse(targetOf(service.href), closedWithinMs, (socket) =>
      trickle(socket, head, drip),
    ).then(({ how }) => {
      this.#open.delete(run);
      this.#done.push(
        how === 'closed'
          ? { answer: 'closed in time' }
          : {
              answer: 'left open',
              violation: `still open after ${closedWithinMs} ms`,
              input: Buffer.from(head),
            },
      );
    });
    this.#open.add(run);
  }
}

function trickle(socket: Socket, head: string, drip: string): void {
  if (head !== '') socket.write(head);
  let at = 0;
  const timer = setInterval(() => {
    socket.write(drip.charAt(at));
    at += 1;
    if (at >= drip.length) clearInterval(timer);
  }, dripMs);
  if (drip === '') clearInterval(timer);
  socket.on('close', () => clearInterval(timer));
}
