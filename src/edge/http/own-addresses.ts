import type { ListenAddress } from '../config/node-file.js';

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
  if (!URL.canParse(address)) return undefined;
  const { protocol, host, pathname, search, hash, username, password } = new URL(address);
  if (search + hash + username + password !== '') return undefined;
  return `${protocol}//${host}${pathname.replace(/\/$/, '')}`;
}

/** An IPv6 address as it stands in a URL. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
