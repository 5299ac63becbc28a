import { beforeEach, describe, expect, it } from 'vitest';
import { Keyring } from '../../../src/kernel/keys.js';
import { verifyOperationProof } from '../../../src/session/check-proof.js';
import { submissionJson } from '../../../src/session/http/run-json.js';
import { readAnswer } from '../../../src/session/http/status-json.js';
import { until } from '../../kernel/support/wait.js';
import { done } from './support/owner.js';
import { Served, Stream } from './support/served.js';

let served: Served;
beforeEach(async () => {
  served = await Served.start();
});

const operations = '/sessions/operations';

describe('POST /sessions/operations', () => {
  it('hands a run in and answers with receipts', async () => {
    const { world } = served;
    const run = world.run('buy');
    const asked = served.post(operations, submissionJson({ run, commit: true }));
    const input = await served.next('run');
    expect(input).toMatchObject({ commit: true, run: { session: world.session, run } });
    const status = world.provisional(1, world.head, done('bought'));
    const { replyId } = input;
    const statuses = [{ sequence: 1, status }];
    served.service.take({ kind: 'answer', replyId, session: world.session, next: 2, statuses });
    const response = await asked;
    expect(response.status).toBe(200);
    const answer = readAnswer(world.setting.cluster.id, await response.json());
    expect(answer).toEqual({ session: world.session, next: 2, statuses });
  });

  it.each([
    [{ code: 'gap', next: 3 }, 409, { error: 'gap', next: 3 }],
    [{ code: 'conflict', sequence: 2 }, 409, { error: 'conflict', sequence: 2 }],
    [{ code: 'ended' }, 409, { error: 'ended' }],
    [{ code: 'unknown-application', name: 'shop' }, 404, { error: 'unknown-application' }],
    [
      { code: 'busy', retryAfterMs: 1500, reason: 'full' },
      429,
      { error: 'busy', retryAfterMs: 1500, reason: 'full' },
    ],
  ] as const)('tells of the refusal %j', async (refusal, status, json) => {
    const run = served.world.run('buy');
    const asked = served.post(operations, submissionJson({ run, commit: false }));
    const { replyId } = await served.next('run');
    served.service.take({ kind: 'refused', replyId, refusal });
    const response = await asked;
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ ...json, message: expect.any(String) });
    expect(response.headers.get('retry-after')).toBe(status === 429 ? '2' : null);
  });

  it('hands in nothing that its owner has not signed', async () => {
    const { world } = served;
    const run = world.run('buy');
    const signature = run.signature.map((byte, index) => (index === 40 ? byte ^ 1 : byte));
    const forged = await served.post(
      operations,
      submissionJson({ run: { ...run, signature }, commit: false }),
    );
    expect(forged.status).toBe(403);
    expect(await forged.json()).toMatchObject({ error: 'not-owner' });
    const operation = { kind: 'call', payload: 'sell' } as const;
    const changed = { ...run, operations: [operation] };
    const response = await served.post(operations, submissionJson({ run: changed, commit: false }));
    expect(response.status).toBe(403);
    expect(served.inputs).toEqual([]);
  });

  it('refuses certificates that are not in force', async () => {
    const run = served.world.run('buy');
    for (const today of ['2020-01-01', '2060-01-01']) {
      served.today = new Date(today);
      const response = await served.post(operations, submissionJson({ run, commit: false }));
      expect(response.status).toBe(403);
      expect(await response.text()).toContain('valid from');
    }
    expect(served.inputs).toEqual([]);
  });

  it('refuses what is no run, and says what is wrong', async () => {
    const { world } = served;
    const cases: [unknown, number, RegExp][] = [
      [{}, 400, /run: /],
      ['text', 400, /./],
      [
        submissionJson({ run: { ...world.run('x'), signature: new Uint8Array(3) }, commit: false }),
        400,
        /signature/,
      ],
    ];
    for (const [json, status, message] of cases) {
      const response = await served.post(operations, json);
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ message: expect.stringMatching(message) });
    }
    const typed = await fetch(served.url + operations, { method: 'POST', body: '{}' });
    expect(typed.status).toBe(400);
    expect(served.inputs).toEqual([]);
  });
});

describe('a request that is too large', () => {
  const call = (payload: string) => ({ kind: 'call', payload }) as const;
  const many = (count: number, payload: string) => Array.from({ length: count }, () => payload);

  it.each([
    ['an operation', ['x', 'é'.repeat(8193)], /operation 2 has 16386 bytes; at most 16384: split/],
    ['operations', many(65, 'x'), /65 operations in a run; at most 64: send the rest/],
    ['a run', many(17, 'x'.repeat(16_000)), /run of more than 262144 bytes: send several/],
  ])('gets 413, how large it may be and what to do: %s', async (_, payloads, message) => {
    const { run } = JSON.parse(
      JSON.stringify(submissionJson({ run: served.world.run('x'), commit: false })),
    );
    const response = await served.post(operations, {
      run: { ...run, operations: payloads.map(call) },
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      error: 'too-large',
      message: expect.stringMatching(message),
    });
    expect(served.inputs).toEqual([]);
  });

  it('gets 413 for its body, too', async () => {
    const response = await served.post(operations, { run: 'x'.repeat(1_100_000) });
    expect(response.status).toBe(413);
    expect((await response.json()).message).toMatch(/at most 1048576 bytes: send fewer/);
  });
});

describe('a body that is empty', () => {
  it.each([
    undefined,
    'application/json',
    'application/json; charset=utf-8',
    'application/x-www-form-urlencoded',
    'text/plain',
  ])('is none, of whatever type it is said to be: %s', async (type) => {
    const { session } = served.world;
    const asked = fetch(`${served.url}/sessions/${session}/commit`, {
      method: 'POST',
      ...(type !== undefined && { headers: { 'content-type': type } }),
    });
    const { replyId } = await served.next('commit');
    served.service.take({ kind: 'answer', replyId, session, next: 1, statuses: [] });
    expect((await asked).status).toBe(200);
  });

  it.each(['application/x-www-form-urlencoded', 'text/plain', 'application/xml'])(
    'is the only one of type %s',
    async (type) => {
      const response = await fetch(served.url + operations, {
        method: 'POST',
        headers: { 'content-type': type },
        body: '{}',
      });
      expect(response.status).toBe(400);
      expect((await response.json()).message).toContain('application/json');
    },
  );
});

describe('who has to wait', () => {
  it('is told to come again where the core is too busy or too many wait', async () => {
    served.busy = true;
    const run = submissionJson({ run: served.world.run('buy'), commit: false });
    const refused = await served.post(operations, run);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');

    const small = await Served.start({ waitingMax: 1 });
    const first = small.get(`/sessions/${small.world.session}`);
    const { replyId, session } = await small.next('status');
    expect((await small.get(`/sessions/${small.world.session}`)).status).toBe(429);
    small.service.take({ kind: 'answer', replyId, session, next: 1, statuses: [] });
    expect((await first).status).toBe(200);
    expect(small.service.figures.waiting).toBe(0);
  });

  it('does not wait for ever', async () => {
    const quick = await Served.start({ timeoutMs: 20 });
    const response = await quick.get(`/sessions/${quick.world.session}`);
    expect(response.status).toBe(503);
    const { replyId, session } = await quick.next('status');
    quick.service.take({ kind: 'answer', replyId, session, next: 1, statuses: [] });
    expect(quick.service.figures.waiting).toBe(0);
  });

  it('is told at once where sessions are out of service', async () => {
    served.reason = 'the store is lost';
    const response = await served.get(`/sessions/${served.world.session}`);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: 'unavailable', message: served.reason });
    expect((await served.get(`/sessions/${served.world.session}/events`)).status).toBe(503);
    expect(served.inputs).toEqual([]);
  });
});

describe('GET /sessions/<id>', () => {
  it('asks from the number that is named, and commits where asked to', async () => {
    const { session } = served.world;
    const asked = served.get(`/sessions/${session}?from=4`);
    const input = await served.next('status');
    expect(input).toMatchObject({ session, from: 4 });
    served.service.take({
      kind: 'refused',
      replyId: input.replyId,
      refusal: { code: 'unknown-session' },
    });
    expect((await asked).status).toBe(404);

    const committed = served.post(`/sessions/${session}/commit`, {});
    const { replyId } = await served.next('commit');
    served.service.take({ kind: 'answer', replyId, session, next: 2, statuses: [] });
    expect(await (await committed).json()).toEqual({ session, next: 2, statuses: [] });
  });

  it.each(['/sessions/x', `/sessions/${'A'.repeat(64)}`, `/sessions/${'a'.repeat(64)}?from=0`])(
    'refuses %s',
    async (path) => {
      expect((await served.get(path)).status).toBe(400);
      expect(served.inputs).toEqual([]);
    },
  );
});

describe('GET /sessions/<id>/events', () => {
  async function open(query = '', headers: Record<string, string> = {}) {
    const { session } = served.world;
    const asked = served.get(`/sessions/${session}/events${query}`, headers);
    const input = await served.next('status');
    return { asked, input, session };
  }

  it('tells where things stand, then what becomes of them, and misses nothing in between', async () => {
    const { world } = served;
    const { asked, input, session } = await open();
    const provisional = world.provisional(1, world.head, done('x'));
    const witnessed = world.witnessed(1, world.head, done('x'));
    const committed = world.final('committed', 1, world.head, done('x'));
    const event = (status: typeof committed) =>
      ({ kind: 'event', session, event: { kind: 'operation', sequence: 1, status } }) as const;
    // Older than the answer, which has it: not told.
    served.service.take(event(provisional));
    const statuses = [{ sequence: 1, status: witnessed }];
    const { replyId } = input;
    served.service.take({ kind: 'answer', replyId, session, next: 2, statuses });
    served.service.take(event(committed));
    const response = await asked;
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const stream = new Stream(response);
    const [first, second] = await stream.count(2);
    expect([first, second].map((each) => [each?.name, each?.id])).toEqual([
      ['operation', '0'],
      ['operation', '1'],
    ]);
    expect(JSON.parse(first?.data ?? '')).toMatchObject({
      sequence: 1,
      status: { kind: 'witnessed' },
    });
    const proof = JSON.parse(second?.data ?? '').status.proof;
    expect(proof.certificate.signatures).toHaveLength(2);
    expect(
      verifyOperationProof(Keyring.of(world.setting.cluster), committedProof(committed)).ok,
    ).toBe(true);
    served.service.take({
      kind: 'event',
      session,
      event: { kind: 'doubted', sequence: 2, by: 3 as never },
    });
    const [, , third] = await stream.count(3);
    expect(third).toMatchObject({ name: 'doubted', data: '{"sequence":2,"by":3}' });
  });

  it('gives one address its share of streams, and the others theirs', async () => {
    const of = async (address: string) => {
      const { asked, input, session } = await open('', { 'x-forwarded-for': address });
      const { replyId } = input;
      served.service.take({ kind: 'answer', replyId, session, next: 1, statuses: [] });
      const response = await asked;
      expect(response.status).toBe(200);
      return response;
    };
    const [first] = [await of('192.0.2.1'), await of('192.0.2.1')];
    const headers = { 'x-forwarded-for': '192.0.2.1' };
    const path = `/sessions/${served.world.session}/events`;
    const refused = await served.get(path, headers);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(await refused.json()).toMatchObject({ reason: 'too many streams of this address' });
    await of('192.0.2.2');
    await first.body?.cancel();
    await until('the first has ended', () => served.service.figures.watchers === 2);
    await of('192.0.2.1');
  });

  it('goes on where the listener was', async () => {
    const { asked, input, session } = await open('', { 'last-event-id': '7' });
    expect(input.from).toBe(8);
    const { replyId } = input;
    served.service.take({ kind: 'answer', replyId, session, next: 9, statuses: [] });
    const stream = new Stream(await asked);
    const { world } = served;
    for (const sequence of [7, 9, 8]) {
      const status = world.final('committed', sequence, world.head, done('x'));
      const event = { kind: 'operation', sequence, status } as const;
      served.service.take({ kind: 'event', session, event });
    }
    const events = await stream.count(2);
    // The id is of what is final without a gap.
    expect(events.map(({ id, data }) => [id, JSON.parse(data).sequence])).toEqual([
      ['7', 9],
      ['9', 8],
    ]);
  });

  it('tells of a session that is not known by an ordinary answer', async () => {
    const { asked, input } = await open();
    const { replyId } = input;
    served.service.take({ kind: 'refused', replyId, refusal: { code: 'unknown-session' } });
    expect((await asked).status).toBe(404);
    expect(served.service.figures.watchers).toBe(0);
  });

  it('lets listeners go that have gone, and no more than so many listen from one place', async () => {
    const streams: Response[] = [];
    for (let count = 0; count < 24; count += 1) {
      const { asked, input, session } = await open();
      const { replyId } = input;
      served.service.take({ kind: 'answer', replyId, session, next: 1, statuses: [] });
      streams.push(await asked);
    }
    expect(served.service.figures.watchers).toBe(24);
    const { session } = served.world;
    const refused = await served.get(`/sessions/${session}/events`);
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('5');
    for (const { body } of streams) await body?.cancel();
    await until('all are gone', () => served.service.figures.watchers === 0);
  });

  it('cuts off a listener that does not read', async () => {
    const { asked, input, session } = await open();
    const { replyId } = input;
    served.service.take({ kind: 'answer', replyId, session, next: 1, statuses: [] });
    const response = await asked;
    const { world } = served;
    const status = world.provisional(1, world.head, done('x'.repeat(16_000)));
    const event = { kind: 'operation', sequence: 1, status } as const;
    await until('it is cut off', () => {
      for (let count = 0; count < 50; count += 1) {
        served.service.take({ kind: 'event', session, event });
      }
      return served.service.figures.watchers === 0;
    });
    await expect(response.text()).rejects.toThrow();
  });
});

describe('GET /state', () => {
  it('gives the value, and the value with its proof', async () => {
    served.value = '{"at":"dock"}';
    const plain = await served.get(`/state/shop/${encodeURIComponent('package/1 é')}`);
    expect(await plain.json()).toEqual({
      application: 'shop',
      key: 'package/1 é',
      value: served.value,
    });

    const asked = served.get('/state/shop/k/proof');
    const { replyId, application, key } = await served.next('prove');
    expect([application, key]).toEqual(['shop', 'k']);
    const proof = { application, key, value: 'v', attestations: [] };
    served.service.take({ kind: 'proved', replyId, proof });
    expect(await (await asked).json()).toEqual(proof);
  });

  it('says where there is none', async () => {
    expect((await served.get('/state/shop/k')).status).toBe(404);
    const asked = served.get('/state/shop/k/proof');
    const { replyId } = await served.next('prove');
    served.service.take({ kind: 'proved', replyId, proof: null });
    expect((await asked).status).toBe(404);
    expect((await served.get(`/state/shop/${'k'.repeat(257)}`)).status).toBe(400);
  });
});

describe('pages of other coordinators', () => {
  const path = () => `${served.url}/sessions/${served.world.session}/commit`;
  const preflight = (origin: string) =>
    fetch(path(), {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });

  it('may ask here, and those of nobody else', async () => {
    const known = await preflight('http://127.0.0.1:1025');
    expect(known.status).toBe(204);
    expect(known.headers.get('access-control-allow-origin')).toBe('http://127.0.0.1:1025');
    expect(known.headers.get('access-control-allow-headers')).toContain('content-type');
    const stranger = await preflight('http://127.0.0.1:9');
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
  });
});

function committedProof(status: ReturnType<typeof served.world.final>) {
  if (!('proof' in status)) throw new Error('not final');
  return status.proof;
}
