import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { enlistmentId, transactionId } from '../../../src/kernel/ids.js';
import {
  type HttpServiceOptions,
  httpService,
} from '../../../src/service/participant/http/http-service.js';
import { HttpServiceError, heldMax } from '../../../src/service/participant/http/service-calls.js';
import { type OperationCall, Refusal } from '../../../src/service/participant/operations.js';
import type { EnlistmentRef } from '../../../src/transaction/participant/messages.js';
import { eventually } from '../../system/support/eventually.js';
import { ScriptedService } from './support/scripted-service.js';

const tid = transactionId('a1b2c3d4-0000-4000-8000-00000000000a');
const refOf = (own: string): EnlistmentRef => ({ tid, enlistment: enlistmentId(own) });
const ref = refOf('hotel.1');
const namesOf = ({ tid: transaction, enlistment }: EnlistmentRef) => ({
  transactionId: transaction,
  enlistment,
});
const names = namesOf(ref);
const nothing = { prepared: [], records: [] };

let service: ScriptedService;
beforeEach(async () => {
  service = await ScriptedService.start();
});

function started(options: Partial<HttpServiceOptions> = {}) {
  const { operations, resource } = httpService({
    participant: 'hotel',
    url: service.url,
    timeoutMs: 2000,
    startTimeoutMs: 100,
    checkAfterMs: 60_000,
    ...options,
  });
  onTestFinished(() => resource.close());
  return { operations, resource };
}

type Started = ReturnType<typeof started>;

async function attempt({ operations, resource }: Started, call: Partial<OperationCall> = {}) {
  return operations('reserve', await resource.begin(ref), {
    payload: { guest: 'Zoë' },
    client: 'alice',
    transactionId: tid,
    ref,
    request: { application: 'travel', procedure: 'book', payload: null },
    isPermitted: false,
    signal: new AbortController().signal,
    outbox: { send() {} },
    ...call,
  });
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof HttpServiceError ? error.code : String(error)),
  );

describe('a try', () => {
  it('hands on the call, whatever its operation, and gives the result', async () => {
    service.script('/try', { status: 200, body: { result: { room: 7 } } });
    expect(await attempt(started())).toEqual({ room: 7 });
    expect(service.at('/try')).toEqual([
      {
        ...names,
        operation: 'reserve',
        payload: { guest: 'Zoë' },
        client: 'alice',
        request: { application: 'travel', procedure: 'book', payload: null },
        isPermitted: false,
      },
    ]);
  });

  it('without a result has none', async () => {
    expect(await attempt(started())).toBeNull();
  });

  it('that the service refuses is a refusal with its reason', async () => {
    service.script('/try', { status: 409, body: { reason: 'FullyBooked' } });
    const refusal = await attempt(started()).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal).toMatchObject({ data: { reason: 'FullyBooked' } });
  });

  it.each([
    ['http-status', { status: 503, body: 'a'.repeat(1000) }],
    ['http-status', { status: 302 }],
    ['bad-answer', { status: 200, body: 'no JSON' }],
    ['bad-answer', { status: 200, body: [] }],
    ['bad-answer', { status: 409, body: {} }],
    ['bad-answer', { status: 409, body: { reason: 'not a code' } }],
    ['bad-answer', { status: 409, body: { reason: 'Busy' } }],
    ['too-large', { status: 200, body: { result: 'a'.repeat(2 ** 20) } }],
    ['broken', 'breaks the connection'],
  ] as const)('that fails says how: %s', async (code, answer) => {
    service.script('/try', answer);
    const tried = attempt(started());
    expect(await codeOf(tried)).toBe(code);
    await tried.catch(({ message }: Error) => expect(message.length).toBeLessThan(400));
  });

  it('ends when its time is over, or the time of its call', async () => {
    service.script('/try', 'never answers');
    expect(await codeOf(attempt(started({ timeoutMs: 50 })))).toBe('timeout');
    const call = new AbortController();
    const tried = attempt(started(), { signal: call.signal });
    await eventually('it is asked', () => service.at('/try').length === 2);
    call.abort();
    expect(await codeOf(tried)).toBe('timeout');
  });

  it('is not sent after the end of its call', async () => {
    const own = started();
    await attempt(own, { signal: AbortSignal.abort() }).catch(() => undefined);
    await own.resource.rollBack(ref);
    expect(service.received).toEqual([]);
  });

  it('is cancelled unless the service cannot have received it', async () => {
    const own = started();
    service.script('/try', 'breaks the connection');
    await codeOf(attempt(own));
    await own.resource.rollBack(ref);
    expect(service.at('/cancel')).toEqual([names]);

    await service.stop();
    expect(await codeOf(attempt(own))).toBe('unreachable');
    await expect(attempt(own)).rejects.toThrow(
      /does not answer there \(ECONNREFUSED\); start the service.*\/try\)/,
    );
    await own.resource.rollBack(ref);
    expect(service.at('/cancel')).toHaveLength(1);
  });
});

describe('the vote', () => {
  it('is the try itself where the service has no /prepare', async () => {
    const own = started();
    await attempt(own);
    expect((await own.resource.prepare(ref)).vote).toBe('prepared');
    expect(service.at('/prepare')).toEqual([]);
  });

  it.each(['prepared', 'readOnly', 'aborted'] as const)('is the service’s: %s', async (vote) => {
    const own = started({ hasPrepare: true });
    await attempt(own);
    service.script('/prepare', { status: 200, body: { vote } });
    expect((await own.resource.prepare(ref)).vote).toBe(vote);
    expect(service.at('/prepare')).toEqual([names]);
  });

  it('fails where the service does not vote', async () => {
    const own = started({ hasPrepare: true });
    service.script('/prepare', { status: 404 }, { status: 200, body: { vote: 'yes' } });
    expect(await codeOf(own.resource.prepare(ref))).toBe('http-status');
    expect(await codeOf(own.resource.prepare(ref))).toBe('bad-answer');
  });
});

describe('the outcome', () => {
  it('is said with any 2xx, and with nothing else', async () => {
    const own = started();
    await attempt(own);
    service.script('/confirm', { status: 404, body: { error: 'not held' } }, { status: 204 });
    const refused = own.resource.commit(ref);
    expect(await codeOf(refused)).toBe('http-status');
    await refused.catch((error: unknown) =>
      expect(error).toMatchObject({
        message: expect.stringContaining('status 404: {"error":"not held"}'),
        data: { status: 404, address: `${service.url}/confirm` },
      }),
    );
    expect(await own.resource.commit(ref)).toEqual([]);
    expect(service.at('/confirm')).toEqual([names, names]);
  });
});

describe('what the service holds', () => {
  const [other, prepared, orphan] = ['hotel.x.1', 'hotel.2', 'hotel.3'].map(refOf);
  if (!other || !prepared || !orphan) throw new Error('three names');
  const left = { prepared: [{ ref: prepared, record: new Uint8Array() }], records: [] };

  it('is cancelled at the start, but for what is on record and what is another’s', async () => {
    const held = [other, prepared, orphan].map(namesOf);
    service.script('/held', { status: 200, body: held }, { status: 200, body: held.slice(0, 2) });
    await started().resource.start(left);
    expect(service.at('/cancel')).toEqual([namesOf(orphan)]);
  });

  it('is looked at again and again, for a try that came after its cancel', async () => {
    const own = started({ checkAfterMs: 20 });
    await own.resource.start(left);
    await attempt(own);
    const held = [ref, prepared, orphan].map(namesOf);
    service.script(
      '/held',
      'breaks the connection',
      { status: 200, body: held },
      { status: 200, body: [] },
    );
    await eventually('it is cancelled', () => service.at('/cancel').length > 0);
    const asked = service.at('/held').length;
    await eventually('it asks on', () => service.at('/held').length > asked + 1);
    expect(service.at('/cancel')).toEqual([namesOf(orphan)]);
  });

  it('is no orphan where it begins and ends while the service is asked', async () => {
    const own = started({ checkAfterMs: 20 });
    await own.resource.start(nothing);
    let answerNow = () => {};
    const after = new Promise<void>((resolve) => {
      answerNow = resolve;
    });
    service.script('/held', { status: 200, body: [names], after }, { status: 200, body: [] });
    await eventually('it is asked', () => service.at('/held').length === 2);
    await attempt(own);
    await own.resource.commit(ref);
    answerNow();
    await eventually('it is asked again', () => service.at('/held').length > 2);
    expect(service.at('/cancel')).toEqual([]);
  });

  it('has to be known before the participant starts', async () => {
    service.script('/held', { status: 503 });
    expect(await codeOf(started().resource.start(left))).toBe('http-status');
    const tooMany = Array.from({ length: heldMax + 1 }, () => names);
    service.script('/held', { status: 200, body: tooMany });
    expect(await codeOf(started().resource.start(left))).toBe('bad-answer');
    service.script('/held', { status: 200, body: [{ ...names, transactionId: 'x' }] });
    expect(await codeOf(started().resource.start(left))).toBe('bad-answer');
    service.script('/held', { status: 200, body: [names] });
    expect(await codeOf(started().resource.start(left))).toBe('bad-answer');
  });

  it('is waited for where the service starts later', async () => {
    await service.stop();
    const start = started({ startTimeoutMs: 60_000 }).resource.start(left);
    await service.listen();
    await start;
    expect(service.at('/held')).toHaveLength(1);
  });
});

describe('the address', () => {
  const made = (url: string, allowedOrigins?: readonly string[]) =>
    httpService({ participant: 'hotel', url, allowedOrigins });

  it.each(['http://127.0.0.1:80', 'http://127.8.0.1/base', 'http://[::1]:8080', 'http://127.1'])(
    'may be on this machine: %s',
    (url) => expect(() => made(url)).not.toThrow(),
  );

  it.each([
    'http://localhost:80',
    'http://10.0.0.1',
    'http://127.evil.example',
    'http://0.0.0.0',
    'http://[::ffff:10.0.0.1]',
  ])('may not be elsewhere: %s', (url) => {
    expect(() => made(url)).toThrow(/url: must be on 127.0.0.1 or \[::1\], or its origin/);
  });

  it('may be where it is allowed', () => {
    expect(() => made('https://hotel.example/in', ['https://hotel.example'])).not.toThrow();
    expect(() => made('http://hotel.example', ['https://hotel.example'])).toThrow(/url: must be/);
    expect(() => made('http://hotel.example', ['hotel.example'])).toThrow(/allowedOrigins\[0\]/);
  });

  it.each(['http://127.0.0.1/', 'ftp://127.0.0.1', 'http://u:p@127.0.0.1', '127.0.0.1:80'])(
    'is a base address: %s',
    (url) => expect(() => made(url)).toThrow(/url: must be an http or https address/),
  );
});

describe('wsdl/participant.openapi.json', () => {
  const file = join(import.meta.dirname, '../../../wsdl/participant.openapi.json');
  const document = JSON.parse(readFileSync(file, 'utf8'));
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi');

  function faults(path: string, part: readonly string[], value: unknown): string {
    const at = ['paths', path, ...part, 'content', 'application/json', 'schema'];
    const pointer = at.map((one) => one.replaceAll('/', '~1')).join('/');
    const validate = ajv.compile({ $ref: `openapi#/${pointer}` });
    return validate(value) ? '' : ajv.errorsText(validate.errors);
  }

  it('describes every message that the service receives, and its answer', async () => {
    const held = [namesOf(refOf('hotel.9'))];
    const answers = {
      '/try': { status: 200, body: { result: { room: 7 } } },
      '/prepare': { status: 200, body: { vote: 'prepared' } },
      '/held': { status: 200, body: held },
    };
    service.script('/held', answers['/held'], { status: 200, body: [] });
    service.script('/try', answers['/try']);
    service.script('/prepare', answers['/prepare']);
    const own = started({ hasPrepare: true });
    await own.resource.start(nothing);
    await attempt(own, { isPermitted: true, payload: [1, null, { a: 'b' }] });
    await attempt(own, { request: { application: '', procedure: '', payload: null } });
    await own.resource.prepare(ref);
    await own.resource.commit(ref);

    const paths = new Set(service.received.map(({ path }) => path));
    expect([...paths].sort()).toEqual(Object.keys(document.paths).sort());
    for (const { method, path, body } of service.received) {
      expect(document.paths[path]).toHaveProperty(method.toLowerCase());
      if (body !== undefined) expect(faults(path, ['post', 'requestBody'], body)).toBe('');
    }
    expect(faults('/try', ['post', 'responses', '200'], answers['/try'].body)).toBe('');
    expect(faults('/try', ['post', 'responses', '409'], { reason: 'FullyBooked' })).toBe('');
    expect(faults('/prepare', ['post', 'responses', '200'], answers['/prepare'].body)).toBe('');
    expect(faults('/held', ['get', 'responses', '200'], held)).toBe('');
  });

  it('says what is no such message', () => {
    expect(faults('/confirm', ['post', 'requestBody'], { ...names, more: 1 })).not.toBe('');
    expect(faults('/try', ['post', 'requestBody'], names)).not.toBe('');
    expect(faults('/held', ['get', 'responses', '200'], [{ enlistment: 'a.b' }])).not.toBe('');
  });

  it('has the same bound as the participant', () => {
    expect(document.components.schemas.Held.maxItems).toBe(heldMax);
  });
});
