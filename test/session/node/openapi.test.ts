import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { submissionJson } from '../../../src/session/http/run-json.js';
import type { SessionRun } from '../../../src/session/types.js';
import { loadOpenApi } from '../../../src/soap/wsdl.js';
import { done } from './support/owner.js';
import { Served } from './support/served.js';

const document = JSON.parse(loadOpenApi('sessions'));
const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(document, 'openapi');

/** What is wrong with a value of one of the document's schemas. */
function faults(schema: string, value: unknown): string {
  const validate = ajv.compile({ $ref: `openapi#/components/schemas/${schema}` });
  return validate(value) ? '' : ajv.errorsText(validate.errors);
}

/** The schema that the document gives for an answer of this status. */
function answerSchema(path: string, method: string, status: number): string {
  const given = document.paths[path][method].responses[status];
  if (given === undefined) throw new Error(`${method} ${path} may not answer ${status}`);
  const response = '$ref' in given ? document.components.responses[nameOf(given.$ref)] : given;
  return nameOf(response.content['application/json'].schema.$ref);
}

const nameOf = (ref: string) => ref.slice(ref.lastIndexOf('/') + 1);

async function faultsOfAnswer(path: string, method: string, response: Response): Promise<string> {
  return faults(answerSchema(path, method, response.status), await response.json());
}

const operations = '/sessions/operations';

describe('the OpenAPI description of sessions', () => {
  it('is served', async () => {
    const served = await Served.start();
    const response = await served.get('/sessions/openapi.json');
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.json()).toEqual(document);
  });

  it('has every route, and no other', async () => {
    const served = await Served.start();
    const described = Object.entries(document.paths as Record<string, object>).flatMap(
      ([path, item]) =>
        ['get', 'head', 'post', 'put', 'patch', 'delete']
          .filter((method) => method in item)
          .map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    // HEAD comes with each GET; preflights are the browsers' own.
    const own = served.routes.filter(
      (route) => /^(GET|POST|PUT|PATCH|DELETE) \/(sessions|state)/.test(route) || isStream(route),
    );
    expect(new Set(own)).toEqual(new Set(described));
  });

  it('takes the runs that owners sign, and refuses others', async () => {
    const { world } = await Served.start();
    const run = submissionJson({ run: world.run('buy', null), commit: true });
    expect(faults('Submission', run)).toBe('');
    expect(faults('Submission', { ...run, more: 1 })).not.toBe('');
    const first = (json: object) => ({ run: { ...(run as { run: SessionRun }).run, ...json } });
    expect(faults('Submission', first({ first: 0 }))).not.toBe('');
    expect(faults('Submission', first({ signature: '' }))).not.toBe('');
  });

  it('describes the answers of every kind', async () => {
    const served = await Served.start();
    const { world, service } = served;
    const asked = served.post(operations, submissionJson({ run: world.run('buy'), commit: false }));
    const { replyId } = await served.next('run');
    const { session, head } = world;
    const statuses = [
      world.provisional(1, head, done('bought')),
      world.witnessed(2, head, { kind: 'rejected', reason: 'none left' }),
      world.final('committed', 3, head, done('bought')),
      world.final('aborted', 4, head, { kind: 'rejected', reason: 'none left' }),
    ].map((status, index) => ({ sequence: index + 1, status }));
    service.take({ kind: 'answer', replyId, session, next: 5, statuses });
    expect(await faultsOfAnswer(operations, 'post', await asked)).toBe('');
  });

  it.each([
    { code: 'gap', next: 3 },
    { code: 'conflict', sequence: 2 },
    { code: 'ended' },
    { code: 'unknown-application', name: 'shop' },
    { code: 'busy', retryAfterMs: 1500, reason: 'full' },
  ] as const)('describes the refusal $code', async (refusal) => {
    const served = await Served.start();
    const run = served.world.run('buy');
    const asked = served.post(operations, submissionJson({ run, commit: false }));
    const { replyId } = await served.next('run');
    served.service.take({ kind: 'refused', replyId, refusal });
    expect(await faultsOfAnswer(operations, 'post', await asked)).toBe('');
  });

  it('describes the refusals of what is malformed, forged, too large or unknown', async () => {
    const served = await Served.start();
    const run = served.world.run('buy');
    const forged = { ...run, signature: new Uint8Array(64) };
    const answers = [
      await served.post(operations, {}),
      await served.post(operations, submissionJson({ run: forged, commit: false })),
      await served.post(operations, 'x'.repeat(1_100_000)),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 403, 413]);
    for (const answer of answers) {
      expect(await faultsOfAnswer(operations, 'post', answer)).toBe('');
    }
    const value = await served.get('/state/shop/stock');
    expect(value.status).toBe(404);
    expect(await faultsOfAnswer('/state/{application}/{key}', 'get', value)).toBe('');
    served.reason = 'sessions are stopping here';
    const stopping = await served.get(`/sessions/${served.world.session}`);
    expect(stopping.status).toBe(503);
    expect(await faultsOfAnswer('/sessions/{session}', 'get', stopping)).toBe('');
  });

  it('describes what a coordinator says of itself, and values', async () => {
    const served = await Served.start();
    expect(await faultsOfAnswer('/sessions', 'get', await served.get('/sessions'))).toBe('');
    served.value = 'seven';
    const value = await served.get('/state/shop/stock');
    expect(await faultsOfAnswer('/state/{application}/{key}', 'get', value)).toBe('');
  });
});

function isStream(route: string): boolean {
  return route.startsWith('HEAD') && route.endsWith('/events');
}
