import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { Logger } from 'pino';
import { type AllowedHosts, guardHosts, healthPaths } from './allowed-hosts.js';
import { acceptGzip } from './content-coding.js';
import { readForwarded } from './forwarded.js';
import { AddressShares, connectionsMax, type HttpLimitSettings } from './http-limits.js';
import { logHealth } from './logger.js';
import type { OwnAddresses } from './own-addresses.js';
import { guardShares } from './share-guard.js';

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
 * Errors inside a handler are logged, and told to the caller as no more than `internal error`.
 */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { log, hosts, addresses, limits, requestTimeoutMs = 10_000, trustedProxies = [] } = options;
  const loggerInstance: FastifyBaseLogger = log;
  const app = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxBodyBytes,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    connectionTimeout: silenceMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    http: {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: requestTimeoutMs,
      // Slow requests are looked for so often.
      connectionsCheckingInterval: Math.ceil(requestTimeoutMs / 2),
    },
    routerOptions: { maxParamLength: 1024 },
  });
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
  app.setErrorHandler((error, request, reply) => {
    const status = statusOf(error);
    if (status < 500) return reply.code(status).send({ error: messageOf(error) });
    log.error({ err: error, method: request.method, path: request.routeOptions.url }, 'http-error');
    return reply.code(status).send({ error: 'internal error' });
  });
  return app;
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
