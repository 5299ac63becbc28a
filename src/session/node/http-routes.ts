import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Logger } from '../../kernel/http/logger.js';
import { principalOf, Shares, streamsMax } from '../../kernel/http/shares.js';
import { loadOpenApi } from '../../soap/wsdl.js';
import type { SessionEvent } from '../core/outbox.js';
import { applicationField, sequenceField, sessionIdField } from '../http/fields.js';
import {
  httpStatusOf,
  problemJson,
  type SessionProblem,
  SessionProblemError,
} from '../http/problem.js';
import { signedJson, stateProofJson } from '../http/proof-json.js';
import { checked, readSubmission } from '../http/run-json.js';
import { answerJson } from '../http/status-json.js';
import { type SessionId, sessionLimits } from '../types.js';
import { EventStream, streamHeaders } from './replies.js';
import type { SessionService, WatchedFrom } from './service.js';

export interface SessionRoutesOptions {
  readonly service: SessionService;
  /** What `GET /sessions` answers. */
  status(): object;
  /** The value under a key of an application's state here, unproved. */
  valueOf(application: string, key: string): string | undefined;
  /** Origins of the coordinators, whose pages may ask here. */
  readonly origins: ReadonlySet<string>;
  readonly log: Logger;
}

/** A client that has its share of streams comes again after so long. */
const streamRetryMs = 5000;
const runsBytesMax = 4 * sessionLimits.runBytes;
const one = z.object({ session: sessionIdField });
const key = z.object({
  application: applicationField,
  key: z.string().min(1).max(sessionLimits.keyBytes),
});
const number = z.coerce.number().pipe(sequenceField);
const fromQuery = z.object({ from: number.default(1) });
const lastEvent = z.object({ 'last-event-id': z.coerce.number().int().min(0).optional() });

/**
 * Serves sessions as JSON. `end` closes the streams of events, which would otherwise keep the server from
 * closing.
 */
export function registerSessionRoutes(
  app: FastifyInstance,
  options: SessionRoutesOptions,
): { end(): void } {
  const { service, origins } = options;
  const streams = new Set<EventStream>();
  const places = new Shares(streamsMax);
  app.register(async (scope) => {
    scope.setErrorHandler((error, _request, reply) => answerProblem(options.log, error, reply));
    readBodies(scope);
    scope.addHook('onRequest', async ({ headers }, reply) => allowOrigin(origins, headers, reply));
    for (const path of ['/sessions/*', '/state/*']) scope.options(path, preflight);

    scope.get('/sessions', () => options.status());
    const openApi = loadOpenApi('sessions');
    scope.get('/sessions/openapi.json', (_, reply) => reply.type('application/json').send(openApi));
    scope.post('/sessions/operations', { bodyLimit: runsBytesMax }, async ({ body }) =>
      answerJson(await service.perform(readSubmission(body))),
    );
    scope.post('/sessions/:session/commit', async ({ params }) =>
      answerJson(await service.commit(checked(one, params).session)),
    );
    scope.get('/sessions/:session', async ({ params, query }) => {
      const { session } = checked(one, params);
      return answerJson(await service.status(session, checked(fromQuery, query).from));
    });
    scope.get('/sessions/:session/attestation', async ({ params }) => {
      const { attestation, standing } = await service.attest(checked(one, params).session);
      return { ...signedJson(attestation), standing };
    });
    const events = '/sessions/:session/events';
    scope.head(events, async ({ params }, reply) => {
      await service.status(checked(one, params).session, 1);
      return reply.headers(streamHeaders).send();
    });
    const asStream = { config: { isStream: true }, exposeHeadRoute: false };
    scope.get(events, asStream, async (request, reply) => {
      const { params, query, headers, ip } = request;
      const { session } = checked(one, params);
      const { 'last-event-id': last } = checked(lastEvent, headers);
      const from = last === undefined ? checked(fromQuery, query).from : last + 1;
      const share = app.addressShares.streams(ip);
      const release = places.take(principalOf(ip), share);
      if (release === undefined) throw tooManyStreams();
      reply.raw.once('close', release);
      const partOf = (max: number) => partOfSession(max, share);
      const watched = { session, from, watcher: { principal: principalOf(ip), partOf } };
      await follow(service, watched, reply, streams);
      return reply;
    });
    scope.get('/state/:application/:key', async ({ params }) => {
      const { application, key: name } = checked(key, params);
      service.requireInService();
      const value = options.valueOf(application, name);
      if (value === undefined) throw new SessionProblemError({ code: 'unknown-key' });
      return { application, key: name, value };
    });
    scope.get('/state/:application/:key/proof', async ({ params }) => {
      const { application, key: name } = checked(key, params);
      const proof = await service.prove(application, name);
      if (proof === null) throw new SessionProblemError({ code: 'unknown-key' });
      return stateProofJson(proof);
    });
  });
  return {
    end: () => {
      for (const stream of streams) stream.end();
    },
  };
}

/** Bodies are JSON. An empty one is none, of whatever type it is said to be: HTTP libraries differ there. */
function readBodies(scope: FastifyInstance): void {
  const json = scope.getDefaultJsonParser('error', 'error');
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') return done(null, undefined);
    if (request.mediaType === 'application/json') return json(request, String(body), done);
    const reason = 'send JSON, as Content-Type: application/json';
    done(new SessionProblemError({ code: 'malformed', reason }));
  });
}

/** Of one session's streams a single address has a quarter at the least, and more where many are behind it. */
function partOfSession(max: number, streamsOfAddress: number): number {
  return Math.ceil(max * Math.min(Math.max(streamsOfAddress / streamsMax, 1 / 4), 1));
}

function tooManyStreams(): SessionProblemError {
  const reason = 'too many streams of this address';
  return new SessionProblemError({ code: 'busy', retryAfterMs: streamRetryMs, reason });
}

/** Opens the stream only once the session is known, so that a refusal is an ordinary answer. */
async function follow(
  service: SessionService,
  { session, from, watcher }: { session: SessionId; from: number; watcher: WatchedFrom },
  reply: FastifyReply,
  streams: Set<EventStream>,
): Promise<void> {
  const early: SessionEvent[] = [];
  let stream: EventStream | undefined;
  const endWatch = await service.watch(session, from, watcher, (event) => {
    if (stream) stream.tell(event);
    else early.push(event);
  });
  if (reply.raw.destroyed) return endWatch();
  const opened = new EventStream(reply, from, () => {
    streams.delete(opened);
    endWatch();
  });
  streams.add(opened);
  for (const event of early) opened.tell(event);
  stream = opened;
}

/** For pages that another coordinator has served: they go to this one where that one is gone. */
function allowOrigin(
  origins: ReadonlySet<string>,
  { origin }: { readonly origin?: string | undefined },
  reply: FastifyReply,
): void {
  reply.header('vary', 'origin');
  if (origin === undefined || !origins.has(origin)) return;
  reply.header('access-control-allow-origin', origin);
  reply.header('access-control-expose-headers', 'retry-after');
}

function preflight(_request: unknown, reply: FastifyReply): FastifyReply {
  return reply
    .headers({
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'content-type, last-event-id',
      'access-control-max-age': '600',
    })
    .code(204)
    .send();
}

function answerProblem(log: Logger, error: unknown, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  if (problem === undefined) {
    log.error({ err: error }, 'session-request-failed');
    return reply.code(500).send({ error: 'internal', message: 'internal error' });
  }
  if (problem.code === 'busy') {
    reply.header('retry-after', String(Math.max(1, Math.ceil(problem.retryAfterMs / 1000))));
  }
  return reply.code(httpStatusOf(problem)).send(problemJson(problem));
}

/** The HTTP server's own refusals are those of bodies. */
function problemOf(error: unknown): SessionProblem | undefined {
  if (error instanceof SessionProblemError) return error.data;
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined;
  const { statusCode, message } = error;
  if (statusCode === 413) {
    const reason = `a request has at most ${runsBytesMax} bytes: send fewer operations at a time`;
    return { code: 'too-large', reason };
  }
  const isClients = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  return isClients ? { code: 'malformed', reason: message } : undefined;
}
