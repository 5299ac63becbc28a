import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { type AddressShares, connectionsMax, requestsMax } from './http-limits.js';
import { principalOf, Shares } from './shares.js';

/** A client that is refused for its share comes again after so long. */
const retryAfterSeconds = 1;
const reason = 'too much is under way for this address';
const body = JSON.stringify({ error: 'busy', message: reason });
const refusal =
  `HTTP/1.1 429 Too Many Requests\r\nRetry-After: ${retryAfterSeconds}\r\nConnection: close\r\n` +
  `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

declare module 'fastify' {
  interface FastifyInstance {
    /** How much of the server an address may take. */
    addressShares: AddressShares;
  }
  interface FastifyContextConfig {
    /** An event stream has a share of its own, and is no request that waits. */
    isStream?: boolean;
  }
}

/** Shares out a server's connections, and the requests under way, by address. */
export function guardShares(app: FastifyInstance, shares: AddressShares): void {
  app.decorate('addressShares', shares);
  shareConnections(app, shares);
  const requests = new Shares(requestsMax);
  app.addHook('onRequest', (request, reply, done) => {
    if (request.socket.remoteAddress === undefined) {
      // The caller broke the connection off: no address is known any more, and no answer arrives.
      reply.hijack();
      request.socket.destroy();
      return;
    }
    if (request.routeOptions.config.isStream) return done();
    const release = requests.take(principalOf(request.ip), shares.requests(request.ip));
    if (release === undefined) {
      reply
        .code(429)
        .header('retry-after', retryAfterSeconds)
        .send({ error: 'busy', message: reason });
      return;
    }
    reply.raw.once('close', release);
    done();
  });
}

/**
 * An address that has its share, and connects again, loses its longest idle connection; where none is idle,
 * the new one is refused. So idle connections keep nobody out.
 */
function shareConnections(app: FastifyInstance, shares: AddressShares): void {
  const places = new Shares(connectionsMax);
  /** The idle connections of each principal, the longest idle first, with what gives their places back. */
  const idle = new Map<string, Map<Socket, () => void>>();
  const releases = new WeakMap<Socket, () => void>();

  const rest = (principal: string, socket: Socket, release: () => void): void => {
    const resting = idle.get(principal) ?? new Map<Socket, () => void>();
    idle.set(principal, resting.set(socket, release));
  };
  const stir = (principal: string, socket: Socket): void => {
    const resting = idle.get(principal);
    resting?.delete(socket);
    if (resting?.size === 0) idle.delete(principal);
  };
  const evict = (principal: string): void => {
    const [oldest] = idle.get(principal) ?? [];
    if (oldest === undefined) return;
    const [socket, release] = oldest;
    stir(principal, socket);
    release();
    socket.destroy();
  };

  app.server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const principal = principalOf(address);
    const take = () => places.take(principal, shares.connections(address));
    let release = take();
    if (release === undefined) {
      evict(principal);
      release = take();
    }
    if (release === undefined) {
      socket.on('error', () => undefined);
      socket.end(refusal, () => socket.destroy());
      return;
    }
    const taken = release;
    releases.set(socket, taken);
    rest(principal, socket, taken);
    socket.once('close', () => {
      stir(principal, socket);
      taken();
    });
  });
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const principal = principalOf(socket.remoteAddress ?? '');
    const release = releases.get(socket);
    stir(principal, socket);
    response.once('close', () => {
      if (release !== undefined && !socket.destroyed) rest(principal, socket, release);
    });
  });
}
