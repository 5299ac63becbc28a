import type { Server, ServerOptions } from 'node:http';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { FastifyServerFactoryHandler } from 'fastify';

/** What a server shows to those that connect, and which of them it takes. PEM. */
export interface ServerTls {
  /** With those between it and its authority. */
  readonly certificate: string;
  readonly privateKey: string;
  /** Clients are asked for certificates where it is there. */
  readonly clients?: TlsClients | undefined;
}

export interface TlsClients {
  readonly authorities: readonly string[];
  /** Why a client is refused whose handshake is over, or `undefined`. */
  refusal(socket: TLSSocket): string | undefined;
  onRefused(why: string): void;
}

/** How long a handshake may take. */
const handshakeTimeoutMs = 10_000;

/** An HTTPS server. Clients are judged before a byte of HTTP is read. */
export function createTlsServer(
  { certificate, privateKey, clients }: ServerTls,
  options: ServerOptions,
  handler: FastifyServerFactoryHandler,
): Server {
  const server = createServer(
    {
      ...options,
      ...{ cert: certificate, key: privateKey, handshakeTimeout: handshakeTimeoutMs },
      // Node.js would ask its own list of authorities, and knows no certificates by themselves.
      ...(clients && { requestCert: true, rejectUnauthorized: false }),
      ...(clients && { ca: [...clients.authorities] }),
    },
    handler,
  );
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const why = clients?.refusal(socket);
    if (why === undefined) return;
    clients?.onRefused(why);
    socket.destroy();
  });
  return server;
}
