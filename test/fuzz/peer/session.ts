import { connect, type SecureContext, type TLSSocket } from 'node:tls';
import { linkProtocols } from '../../../src/kernel/links/version.js';

/** How a session on a peer port went. */
export interface Session {
  /** Frames that were written before the other side closed. */
  readonly written: number;
  readonly closed: boolean;
  /** Bytes that came; replicas never send on connections that they take. */
  readonly received: number;
}

export interface SessionOptions {
  readonly host: string;
  readonly port: number;
  /** The certificate to show, if any, and the protocol's versions. */
  readonly context: SecureContext;
  /** Written one after the other once TLS is up. */
  readonly chunks: readonly Uint8Array[];
  /** How long to wait for the other side to close by itself, before leaving. */
  readonly lingerMs: number;
}

const handshakeTimeoutMs = 10_000;
const partingMs = 10_000;
/** So much is written between two looks at the event loop, as a flood would. */
const burst = 64;

/** Connects over TLS, writes, waits a little and leaves. */
export async function peerSession(options: SessionOptions): Promise<Session> {
  const { host, port, context, chunks, lingerMs } = options;
  let closed = false;
  let received = 0;
  const socket = connect({
    host,
    port,
    ALPNProtocols: [...linkProtocols],
    rejectUnauthorized: false,
    secureContext: context,
  });
  const gone = new Promise<void>((resolve) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.on('close', () => {
      closed = true;
      resolve();
    });
  });
  const up = new Promise<void>((resolve) => socket.once('secureConnect', resolve));
  await Promise.race([up, gone, delay(handshakeTimeoutMs)]);
  let written = 0;
  for (const chunk of chunks) {
    if (closed || socket.destroyed) break;
    await write(socket, chunk, gone);
    written += 1;
    if (written % burst === 0) await delay(0);
  }
  await Promise.race([gone, delay(lingerMs)]);
  const wasClosed = closed;
  // The other side closes when it has read everything up to the end.
  socket.end();
  await Promise.race([gone, delay(partingMs)]);
  socket.destroy();
  return { written, closed: wasClosed, received };
}

async function write(socket: TLSSocket, chunk: Uint8Array, gone: Promise<void>): Promise<void> {
  if (socket.write(chunk)) return;
  await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), gone]);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
