import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { ListenAddress } from '../config/node-file.js';
import { unmapped } from './shares.js';
import { urlOf } from './url.js';

export interface OwnNames {
  readonly listen: ListenAddress;
  /** The node's address in the cluster file. */
  readonly url: string;
  /** The address at which a proxy, or another network, has this node. */
  readonly publicUrl?: string | undefined;
  /** Names of hosts besides, at the node's own port or the one of the scheme. */
  readonly allowedHosts?: readonly string[] | undefined;
}

/** How a request called the node, by its `Host`, or by what a trusted proxy says of it. */
export interface Asked {
  readonly protocol: string;
  /** Name or address, perhaps with a port; empty where the request named none. */
  readonly host: string;
}

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];
const schemes = ['http', 'https'];

/**
 * The addresses that are this node's and no other's. A message that is signed for one of them is for this
 * node; descriptions of its services name one of them.
 */
export class OwnAddresses {
  readonly #url: string;
  readonly #publicUrl: string | undefined;
  /** Addresses without a path, and `publicUrl` with its own. */
  readonly #bases: ReadonlySet<string>;

  constructor({ listen, url, publicUrl, allowedHosts = [] }: OwnNames) {
    this.#url = canonical(url) ?? url;
    this.#publicUrl = publicUrl && canonical(publicUrl);
    const bases = [url, publicUrl ?? url, ...loopbackBases(url)];
    for (const host of allowedHosts.map(bracketed)) {
      for (const scheme of schemes) {
        bases.push(`${scheme}://${host}`, `${scheme}://${host}:${new URL(url).port}`);
      }
    }
    // A wildcard is nobody's name, and "this machine" is another one for each caller.
    const listens = `http://${bracketed(listen.host)}:${listen.port}`;
    if (!isWildcard(listen.host) && !isLoopback(listens)) bases.push(listens);
    this.#bases = new Set(bases.flatMap((base) => canonical(base) ?? []));
  }

  /** Whether the address is that of the service at this path, by whichever of the node's names. */
  owns(address: string, path: string): boolean {
    const form = canonical(address);
    return form?.endsWith(path) === true && this.#bases.has(form.slice(0, -path.length));
  }

  /** The address to give to a caller for a service that checks what it is called. */
  checked(asked: Asked): string {
    return this.#ownOf(asked) ?? this.#publicUrl ?? this.#url;
  }

  /** The address to give to a caller for a service that may be called anything. */
  reachable(asked: Asked): string {
    return this.#ownOf(asked) ?? this.#publicUrl ?? originOf(asked) ?? this.#url;
  }

  #ownOf(asked: Asked): string | undefined {
    const origin = originOf(asked);
    if (origin === undefined || origin === this.#url) return origin;
    const { hostname } = new URL(origin);
    // A proxy that ends TLS, and that is not trusted to say so.
    if (this.#publicUrl && new URL(this.#publicUrl).hostname === hostname) return this.#publicUrl;
    return this.#bases.has(origin) ? origin : undefined;
  }
}

/** On one machine, nodes differ by their ports, and "localhost" with a port names one of them. */
function loopbackBases(url: string): string[] {
  if (!isLoopback(url)) return [];
  const { protocol, port } = new URL(url);
  return loopbackNames.map((name) => `${protocol}//${name}${port && `:${port}`}`);
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return loopbackNames.includes(hostname) || /^127\./.test(hostname);
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** `undefined` where the request named no host, or something that is none. */
export function originOf({ protocol, host }: Asked): string | undefined {
  if (!schemes.includes(protocol) || !hostForm.test(host)) return undefined;
  return canonical(`${protocol}://${host}`);
}

/** Names and ports of hosts, IPv6 addresses too. */
const hostForm = /^[A-Za-z0-9.\-_:[\]]{1,255}$/;

/** Lower case where case means nothing, no port that goes without saying, no "/" at the end. */
function canonical(address: string): string | undefined {
  const url = urlOf(address);
  if (url === undefined) return undefined;
  const { protocol, host, pathname, search, hash, username, password } = url;
  if (search + hash + username + password !== '') return undefined;
  return `${protocol}//${host}${pathname.replace(/\/$/, '')}`;
}

/** An IPv6 address as it stands in a URL. */
function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

const rival = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'] as const;
const pairForm = /([;,]|^)\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*/y;

interface Hop {
  for?: string;
  host?: string;
  proto?: string;
}

/**
 * Lets the `Forwarded` header (RFC 7239) count as the `X-Forwarded` headers do: from a trusted proxy only,
 * which the server judges. Where those are there they count instead: a proxy that writes the ones need not
 * remove the other.
 */
export function readForwarded(app: FastifyInstance): void {
  app.server.prependListener('request', ({ headers }) => {
    if (headers.forwarded === undefined || rival.some((name) => headers[name])) return;
    Object.assign(headers, asRivals(headers.forwarded));
  });
}

/** What the header says, in the words of the `X-Forwarded` headers; nothing where it is malformed. */
export function asRivals(forwarded: string): IncomingHttpHeaders {
  const hops = readHops(forwarded);
  const nearest = hops?.at(-1);
  if (hops === undefined || nearest === undefined) return {};
  const callers = hops.map((hop) => hop.for ?? 'unknown').join(', ');
  return {
    'x-forwarded-for': callers,
    ...(nearest.host !== undefined && { 'x-forwarded-host': nearest.host }),
    ...(nearest.proto !== undefined && { 'x-forwarded-proto': nearest.proto.toLowerCase() }),
  };
}

/** One for each proxy, the nearest last. */
function readHops(forwarded: string): Hop[] | undefined {
  const hops: Hop[] = [];
  pairForm.lastIndex = 0;
  while (pairForm.lastIndex < forwarded.length) {
    const [pair, separator, name = '', quoted, token = ''] = pairForm.exec(forwarded) ?? [];
    if (pair === undefined) return undefined;
    const value = quoted?.replace(/\\(.)/g, '$1') ?? token;
    const hop: Hop = separator === ';' ? (hops.at(-1) ?? {}) : {};
    if (separator !== ';') hops.push(hop);
    const key = name.toLowerCase();
    if (key === 'for') hop.for = addressOf(value);
    else if (key === 'host' || key === 'proto') hop[key] = value;
  }
  return hops;
}

/** `192.0.2.1:80` and `[2001:db8::1]:80` without port and brackets. */
function addressOf(node: string): string {
  return /^\[([^\]]*)\]/.exec(node)?.[1] ?? node.replace(/:\d+$/, '');
}

/** Some load balancers add the slash. */
export const healthPaths = ['/healthz', '/healthz/'];

export interface HostRules extends OwnNames {
  /** Origins whose pages may ask here, whatever their hosts: those of the other coordinators. */
  readonly origins?: ReadonlySet<string> | undefined;
}

const localNames = ['localhost', '127.0.0.1', '[::1]'];

/**
 * The names by which requests may call a node. A browser that a stranger's page has sent here, by a name of
 * the stranger's that leads to this node (DNS rebinding), says that name in `Host` and `Origin`.
 */
export class AllowedHosts {
  readonly #names: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;

  constructor({ listen, url, publicUrl, allowedHosts = [], origins = new Set() }: HostRules) {
    const urls = publicUrl === undefined ? [url] : [url, publicUrl];
    const names = [listen.host, ...allowedHosts].map((name) => `http://${bracketed(name)}`);
    const hosts = [...urls, ...names].flatMap((one) => hostnameOf(one) ?? []);
    this.#names = new Set([...localNames, ...hosts]);
    this.#origins = origins;
  }

  /** Whether the `Host` (a name or address, perhaps with a port) is one of this node's. */
  allowsHost(host: string, localAddress: string | undefined): boolean {
    const name = hostnameOf(`http://${host}`);
    if (name === undefined || /[/?#@\\\s]/.test(host)) return false;
    // A request may always name the address that it was sent to: a stranger's page has another origin.
    return (
      this.#names.has(name) ||
      name === hostnameOf(`http://${bracketed(unmapped(localAddress ?? ''))}`)
    );
  }

  /** Whether a page of this `Origin` may ask here. */
  allowsOrigin(origin: string, localAddress: string | undefined): boolean {
    if (this.#origins.has(origin)) return true;
    const host = /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
    return host !== undefined && this.allowsHost(host, localAddress);
  }
}

/** Answers requests by another name with 421 (RFC 9110 §15.5.20), and those of foreign pages with 403. */
export function guardHosts(app: FastifyInstance, hosts: AllowedHosts): void {
  app.addHook('onRequest', (request, reply, done) => {
    const { localAddress } = request.socket;
    const { origin } = request.headers;
    // Probes of load balancers ask by any name, and learn next to nothing.
    if (healthPaths.includes(request.routeOptions.url ?? '')) return done();
    // HTTP/1.0 needs no Host. Browsers send it.
    if (request.host !== '' && !hosts.allowsHost(request.host, localAddress)) {
      reply.code(421).send({
        error: 'misdirected',
        message: 'this node is not called by that Host; "allowedHosts" in its file can add it',
      });
    } else if (origin !== undefined && !hosts.allowsOrigin(origin, localAddress)) {
      reply.code(403).send({
        error: 'foreign-origin',
        message:
          'pages of that Origin may not ask here; "allowedHosts" in the node file can add it',
      });
    } else done();
  });
}

function hostnameOf(url: string): string | undefined {
  return urlOf(url)?.hostname;
}
