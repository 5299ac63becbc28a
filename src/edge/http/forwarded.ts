import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';

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
