import { Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyServerFactory,
  fastify,
  LogController,
  type RequestPayload,
} from 'fastify';
import type { Logger } from 'pino';
import type { Cluster } from '../cluster.js';
import type { FrontNode } from '../config/node-file.js';
import { ConcordatError, type NoData, noData } from '../error.js';
import { AllowedHosts, guardHosts, healthPaths, OwnAddresses, readForwarded } from './addresses.js';
import { logHealth } from './logger.js';
import { AddressShares, connectionsMax, guardShares, type HttpLimitSettings } from './shares.js';
import { createTlsServer, type ServerTls } from './tls.js';

/** What a node's file says of its HTTP server. */
type ServingNode = Pick<
  FrontNode,
  'listen' | 'publicUrl' | 'allowedHosts' | 'trustedProxies' | 'limits'
>;

/** The HTTP server of a node, by what its file says. */
export function createNodeServer(
  cluster: Pick<Cluster, 'coordinators'>,
  self: { readonly url: string },
  node: ServingNode,
  log: Logger,
  tls?: ServerTls,
): FastifyInstance {
  const { listen, publicUrl, allowedHosts, trustedProxies, limits } = node;
  const origins = new Set(cluster.coordinators.map(({ url }) => new URL(url).origin));
  const names = { listen, url: self.url, publicUrl, allowedHosts };
  const hosts = new AllowedHosts({ ...names, origins });
  return createHttpServer({
    log,
    hosts,
    addresses: new OwnAddresses(names),
    trustedProxies,
    limits,
    tls,
  });
}

/** The request cannot be taken as it is; fastify answers with the status. */
class BodyError extends ConcordatError<'bad-body', NoData> {
  readonly code = 'bad-body';
  readonly data = noData;

  constructor(
    readonly statusCode: 400 | 413 | 415,
    message: string,
  ) {
    super(message);
  }
}

/** What a body may grow to by being inflated, whatever its ratio. */
const smallBytes = 65_536;
/** XML and JSON are seldom packed to less than a twentieth; a bomb to a thousandth. */
const ratioMax = 100;

/**
 * Takes bodies in `Content-Encoding: gzip`. What they inflate to counts for the body limit, and may not
 * be out of proportion. Any other coding is refused with 415 and `Accept-Encoding` (RFC 9110 §12.5.3).
 */
function acceptGzip(app: FastifyInstance): void {
  app.addHook('preParsing', (request, reply, payload, done) => {
    const coding = request.headers['content-encoding']?.trim().toLowerCase();
    if (coding === undefined || coding === '' || coding === 'identity') return done(null, payload);
    if (coding === 'gzip' || coding === 'x-gzip') return done(null, inflated(payload));
    reply.header('accept-encoding', 'gzip, identity');
    done(new BodyError(415, 'this Content-Encoding is not supported; send gzip, or none'));
  });
}

/** The bytes in what was packed. The packed stream stays open, so that an answer can be sent. */
function inflated(packed: RequestPayload): RequestPayload {
  let out = 0;
  const bounded = Object.assign(
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        out += chunk.length;
        if (out > smallBytes && out > ratioMax * bounded.receivedEncodedLength) {
          return done(new BodyError(413, 'the body grows too much when it is inflated'));
        }
        done(null, chunk);
      },
    }),
    { receivedEncodedLength: 0 },
  );
  const gunzip = createGunzip();
  gunzip.on('error', () => bounded.destroy(new BodyError(400, 'the body is not in gzip')));
  bounded.on('close', () => {
    packed.unpipe(gunzip);
    gunzip.destroy();
  });
  let ended = false;
  packed.on('end', () => {
    ended = true;
  });
  packed.on('data', (chunk: Buffer) => {
    bounded.receivedEncodedLength += chunk.length;
  });
  packed.on('close', () => {
    if (!ended) gunzip.destroy();
  });
  packed.pipe(gunzip).pipe(bounded);
  return bounded;
}

declare module 'fastify' {
  interface FastifyInstance {
    ownAddresses: OwnAddresses | undefined;
  }
}

export interface HttpServerOptions {
  readonly log: Logger;
  /** How long a client may take to send a whole request; 10 000 unless given. */
  readonly requestTimeoutMs?: number;
  /** The names that requests may call the server by; any unless given. */
  readonly hosts?: AllowedHosts;
  /** The addresses that the server's services are called by; as each request says unless given. */
  readonly addresses?: OwnAddresses;
  /** Addresses and networks of proxies whose `X-Forwarded` and `Forwarded` headers count. */
  readonly trustedProxies?: readonly string[] | undefined;
  readonly limits?: HttpLimitSettings | undefined;
  /** Plain HTTP unless given. */
  readonly tls?: ServerTls | undefined;
}

/** Largest request body; a signed SOAP message with its proof is well below it. */
export const maxBodyBytes = 1_048_576;
const maxHeaderBytes = 16_384;
/** Nothing in or out for so long closes a connection. Longer than any transaction may wait. */
const silenceMs = 120_000;
/** Longer than a client of ours keeps an idle connection, so that the client is first to close. */
const keepAliveMs = 75_000;
/** What is still under way so long after the server was asked to close is cut off. */
const closeGraceMs = 2000;

/**
 * An HTTP server with limits against large, slow and many requests. Not yet listening.
 * Errors inside a handler are logged, and the caller receives no more than `internal error`.
 */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { log, hosts, addresses, limits, requestTimeoutMs = 10_000, trustedProxies = [] } = options;
  const { tls } = options;
  const loggerInstance: FastifyBaseLogger = log;
  const http = {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: requestTimeoutMs,
    // Slow requests are looked for so often.
    connectionsCheckingInterval: Math.ceil(requestTimeoutMs / 2),
  };
  const timeouts = { requestTimeout: requestTimeoutMs, keepAliveTimeout: keepAliveMs };
  const serverFactory: FastifyServerFactory | undefined =
    tls &&
    ((handler) => createTlsServer(tls, { ...http, ...timeouts }, handler).setTimeout(silenceMs));
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBodyBytes,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    connectionTimeout: silenceMs,
    ...timeouts,
    http,
    ...(serverFactory && { serverFactory }),
    routerOptions: { maxParamLength: 1024 },
  });
  // Nothing is logged of single requests: a logger for each would be in vain.
  app.setChildLoggerFactory((logger) => logger);
  app.server.maxConnections = connectionsMax;
  app.decorate('ownAddresses', addresses);
  if (trustedProxies.length > 0) readForwarded(app);
  guardShares(app, new AddressShares(limits, trustedProxies));
  if (hosts !== undefined) guardHosts(app, hosts);
  app.addHook('preClose', async () => {
    // A connection on which no request has come yet counts as one under way.
    setTimeout(() => app.server.closeAllConnections(), closeGraceMs).unref();
  });
  acceptGzip(app);
  refuseTunnels(app);
  app.setErrorHandler((error, request, reply) => {
    const status = statusOf(error);
    if (status < 500) return reply.code(status).send({ error: messageOf(error) });
    log.error({ err: error, method: request.method, path: request.routeOptions.url }, 'http-error');
    return reply.code(status).send({ error: 'internal error' });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ error: 'not found' }));
  return app;
}

/** Answers CONNECT where nobody else does, so that who asks knows that there are no tunnels: Node would hang up. */
function refuseTunnels({ server }: FastifyInstance): void {
  server.on('connect', (_request, socket) => {
    if (server.listenerCount('connect') > 1) return;
    socket.on('error', () => undefined);
    const answer = 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';
    socket.end(answer, () => socket.destroy());
  });
}

/**
 * Serves `/healthz`, however a load balancer asks: GET or HEAD with status 200 and `{"status":"ok"}`, what is
 * wrong with the log, and what `report` adds; OPTIONS with 204.
 */
export function registerHealth(
  app: FastifyInstance,
  log: Logger,
  report: () => object = () => ({}),
): void {
  for (const path of healthPaths) {
    app.get(path, () => ({ status: 'ok', ...logHealth(log), ...report() }));
    app.options(path, (_request, reply) =>
      reply.code(204).header('allow', 'GET, HEAD, OPTIONS').send(),
    );
  }
}

function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'bad request';
}
