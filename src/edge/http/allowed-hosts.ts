import type { FastifyInstance } from 'fastify';
import { bracketed, type OwnNames } from './own-addresses.js';
import { unmapped } from './shares.js';

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
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}
