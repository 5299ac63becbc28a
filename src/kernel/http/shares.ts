import type { IncomingMessage, ServerResponse } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { remembered } from '../remembered.js';

/**
 * Places of which each principal takes no more than a share. Where all are taken, the greediest are
 * refused as everybody is, so a share is well below the whole.
 */
export class Shares {
  readonly #max: number;
  readonly #taken = new Map<string, number>();
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a place. Returns what gives it back, or `undefined` where the principal has its share, or all are taken. */
  take(principal: string, share: number): (() => void) | undefined {
    const taken = this.#taken.get(principal) ?? 0;
    if (taken >= share || this.#count >= this.#max) return undefined;
    this.#taken.set(principal, taken + 1);
    this.#count += 1;
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#count -= 1;
      const left = (this.#taken.get(principal) ?? 1) - 1;
      if (left === 0) this.#taken.delete(principal);
      else this.#taken.set(principal, left);
    };
  }
}

/** Addresses whose principal is remembered, and whether they are crowded. */
const addressesMax = 1024;

/** Addresses, and networks such as `10.0.0.0/8`. */
class AddressList {
  readonly #list = new BlockList();

  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const [address = '', bits] = entry.split('/', 2);
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (bits === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(bits), family);
    }
  }

  readonly has = remembered(addressesMax, (socketAddress) => {
    const address = unmapped(socketAddress);
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  });
}

/** Addresses behind which there are many clients: this machine's own, and those of proxies. */
export function crowdedAddresses(proxies: readonly string[] = []): AddressList {
  return new AddressList(['127.0.0.0/8', '::1', ...proxies]);
}

/** The principal that an address stands for: a host may call from any address of its IPv6 network (/64). */
export const principalOf = remembered(addressesMax, (socketAddress) => {
  const address = unmapped(socketAddress);
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('%', 1).join().split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
});

/** An IPv4 address as a socket for both kinds has it (`::ffff:192.0.2.1`) is an IPv4 address. */
export function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** Connections of one node, each with its buffers: some 100 MB at the worst. */
export const connectionsMax = 2048;
/** Requests under way at one node; the ports bound their own besides. */
const requestsMax = 2048;
/** Event streams of one coordinator. */
export const streamsMax = 1024;

/** What one address may take of a node: so little that eight of them leave room for others. */
export interface HttpLimits {
  readonly connectionsPerAddress: number;
  readonly requestsPerAddress: number;
  readonly streamsPerAddress: number;
}

/** What a node's file says of them. */
export type HttpLimitSettings = { readonly [Limit in keyof HttpLimits]?: number | undefined };

const httpLimitsDefault: HttpLimits = {
  connectionsPerAddress: connectionsMax / 8,
  requestsPerAddress: requestsMax / 8,
  streamsPerAddress: streamsMax / 8,
};

/** Many clients are behind a proxy, and on the node's own machine. They leave a quarter to others. */
const crowdedPart = 3 / 4;

/** How much an address may take. */
export class AddressShares {
  readonly #limits: HttpLimits;
  readonly #crowded: AddressList;

  constructor(limits: HttpLimitSettings = {}, proxies: readonly string[] = []) {
    const usual = httpLimitsDefault;
    this.#limits = {
      connectionsPerAddress: limits.connectionsPerAddress ?? usual.connectionsPerAddress,
      requestsPerAddress: limits.requestsPerAddress ?? usual.requestsPerAddress,
      streamsPerAddress: limits.streamsPerAddress ?? usual.streamsPerAddress,
    };
    this.#crowded = crowdedAddresses(proxies);
  }

  connections(address: string): number {
    return this.#share(address, this.#limits.connectionsPerAddress, connectionsMax);
  }

  requests(address: string): number {
    return this.#share(address, this.#limits.requestsPerAddress, requestsMax);
  }

  streams(address: string): number {
    return this.#share(address, this.#limits.streamsPerAddress, streamsMax);
  }

  /** Of what a port or a session shares out by address besides: as large a part as of the requests. */
  partOf(max: number, address: string): number {
    return Math.ceil((max * Math.min(this.requests(address), requestsMax)) / requestsMax);
  }

  #share(address: string, usual: number, max: number): number {
    return this.#crowded.has(address) ? Math.max(usual, max * crowdedPart) : usual;
  }
}

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
    /** The connection is at work until it closes, though no request of HTTP comes on it: none is closed for being idle. */
    keepConnection(socket: Socket): void;
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

/** An open connection, and what gives its place back. */
interface Place {
  readonly socket: Socket;
  readonly release: () => void;
}

/** TLS has a socket of its own over the one that connected; the other end's port is that of both. */
function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/**
 * An address that has its share, and connects again, loses its longest idle connection; where none is idle,
 * the new one is refused. So idle connections keep nobody out.
 */
function shareConnections(app: FastifyInstance, shares: AddressShares): void {
  const places = new Shares(connectionsMax);
  /** The idle connections of each principal by their other ends, the longest idle first. */
  const idle = new Map<string, Map<string, Place>>();
  const open = new Map<string, Place>();

  const rest = (principal: string, end: string, place: Place): void => {
    const resting = idle.get(principal) ?? new Map<string, Place>();
    idle.set(principal, resting.set(end, place));
  };
  const stir = (principal: string, end: string): void => {
    const resting = idle.get(principal);
    resting?.delete(end);
    if (resting?.size === 0) idle.delete(principal);
  };
  const evict = (principal: string): void => {
    const [oldest] = idle.get(principal) ?? [];
    if (oldest === undefined) return;
    const [end, { socket, release }] = oldest;
    stir(principal, end);
    release();
    socket.destroy();
  };

  app.server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const end = endOf(socket);
    const principal = principalOf(address);
    const take = () => places.take(principal, shares.connections(address));
    let release = take();
    if (release === undefined) {
      evict(principal);
      release = take();
    }
    if (release === undefined) {
      socket.on('error', () => undefined);
      // Of TLS there is nothing yet in which it could be said.
      if (app.server instanceof TlsServer) socket.destroy();
      else socket.end(refusal, () => socket.destroy());
      return;
    }
    const place = { socket, release };
    open.set(end, place);
    rest(principal, end, place);
    socket.once('close', () => {
      // Another connection may have come from the same port since.
      if (open.get(end) === place) {
        open.delete(end);
        stir(principal, end);
      }
      place.release();
    });
  });
  app.decorate('keepConnection', (socket: Socket) =>
    stir(principalOf(socket.remoteAddress ?? ''), endOf(socket)),
  );
  app.server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const principal = principalOf(socket.remoteAddress ?? '');
    const end = endOf(socket);
    const place = open.get(end);
    stir(principal, end);
    response.once('close', () => {
      if (place !== undefined && !socket.destroyed && !place.socket.destroyed) {
        rest(principal, end, place);
      }
    });
  });
}
