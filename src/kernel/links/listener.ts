import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { Cluster } from '../cluster.js';
import { OccasionalLog } from '../http/log-output.js';
import { crowdedAddresses, principalOf } from '../http/shares.js';
import type { ReplicaId } from '../ids.js';
import { type Frame, FrameDecoder, peerFraming } from './frames.js';
import { coordinatorOf, type PeerCredential, tlsFailure, tlsOptions } from './identity.js';
import { chosenProtocol, versionRefusal } from './version.js';

const handshakeTimeoutMs = 5000;
const keepAliveMs = 10_000;
const connectionsMax = 256;
/** Connections of one address that have not shown a replica's certificate. */
const unknownPerAddressMax = 16;
/** Many replicas may be on one machine: those of a test. */
const unknownOfCrowdMax = 192;
const crowded = crowdedAddresses();

export interface ListenerOptions {
  readonly cluster: Cluster;
  readonly self: ReplicaId;
  readonly listen: { readonly host: string; readonly port: number };
  readonly credential: PeerCredential;
  readonly onFrame: (from: ReplicaId, frame: Frame) => void;
  readonly onConnected: (from: ReplicaId) => void;
  readonly log: Logger;
}

/** Where the other replicas connect to send to this one. Nothing is sent on these connections. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #server: Server;
  /** The newest connection of each replica. */
  readonly #connections = new Map<ReplicaId, TLSSocket>();
  readonly #sockets = new Set<{ destroy(): unknown }>();
  /** By principal, connections that have shown no certificate yet, the oldest first. */
  readonly #unknown = new Map<string, Map<string, Socket>>();
  readonly #occasionally: OccasionalLog;
  /** What the newest peer without a common version offered: its error comes right after. */
  #offered: readonly string[] = [];

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#occasionally = new OccasionalLog(options.log);
    this.#server = createServer(
      {
        ...tlsOptions(options.cluster, options.credential),
        requestCert: true,
        rejectUnauthorized: true,
        handshakeTimeout: handshakeTimeoutMs,
        ALPNCallback: ({ protocols }) => this.#chosen(protocols),
      },
      (socket) => this.#admit(socket),
    );
    this.#server.maxConnections = connectionsMax;
    this.#server.on('connection', (socket: Socket) => {
      this.#makeRoom(socket);
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('tlsClientError', (error, socket) => {
      const isVersion = 'code' in error && error.code === 'ERR_SSL_NO_APPLICATION_PROTOCOL';
      this.#refused(
        socket.remoteAddress,
        isVersion ? versionRefusal(this.#offered) : tlsFailure(error),
      );
      // Node reports a handshake that took too long, and leaves the connection open.
      socket.destroy();
    });
  }

  /** Rejects where the address cannot be listened on. */
  async start(): Promise<void> {
    const { host, port } = this.#options.listen;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (err) => this.#options.log.error({ err }, 'peer-listener-error'));
        resolve();
      });
    });
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  /** An address at its share loses its oldest connection that has shown no certificate yet. */
  #makeRoom(socket: Socket): void {
    const address = socket.remoteAddress ?? '';
    const principal = principalOf(address);
    const share = crowded.has(address) ? unknownOfCrowdMax : unknownPerAddressMax;
    const unknown = this.#unknown.get(principal) ?? new Map<string, Socket>();
    const [oldest] = unknown;
    if (oldest !== undefined && unknown.size >= share) {
      this.#refused(address, 'too many connections of its address have shown no certificate');
      unknown.delete(oldest[0]);
      oldest[1].destroy();
    }
    const end = endOf(socket);
    this.#unknown.set(principal, unknown.set(end, socket));
    socket.once('close', () => this.#known(principal, end));
  }

  #known(principal: string, end: string): void {
    const unknown = this.#unknown.get(principal);
    unknown?.delete(end);
    if (unknown?.size === 0) this.#unknown.delete(principal);
  }

  /** Without a version that both speak, TLS ends the handshake. */
  #chosen(offered: readonly string[]): string | undefined {
    this.#offered = offered;
    return chosenProtocol(offered);
  }

  #admit(socket: TLSSocket): void {
    const { cluster, self, log } = this.#options;
    socket.on('error', (err) => log.debug({ err }, 'peer-connection-error'));
    const from = coordinatorOf(cluster, socket)?.id;
    if (from === undefined || from === self) {
      this.#refused(socket.remoteAddress, 'its certificate is not that of another coordinator');
      socket.destroy();
      return;
    }
    // A peer that offers no version at all comes so far.
    if (typeof socket.alpnProtocol !== 'string') {
      this.#refused(socket.remoteAddress, versionRefusal([]), from);
      socket.destroy();
      return;
    }
    this.#known(principalOf(socket.remoteAddress ?? ''), endOf(socket));
    // A replica that dials anew has given up its former connection, even if we have not noticed.
    this.#connections.get(from)?.destroy();
    this.#connections.set(from, socket);
    socket.on('close', () => {
      if (this.#connections.get(from) === socket) this.#connections.delete(from);
    });
    socket.setKeepAlive(true, keepAliveMs);
    this.#receive(from, socket);
    this.#options.onConnected(from);
  }

  #receive(from: ReplicaId, socket: TLSSocket): void {
    const { onFrame } = this.#options;
    const decoder = new FrameDecoder(peerFraming);
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of decoder.push(chunk)) {
          if (socket.destroyed) return;
          onFrame(from, frame);
        }
      } catch (err) {
        // Whatever a replica sends, it costs no more than its connection.
        this.#occasionally.write('error', 'peer-message-failed', { replica: from, err }, from);
        socket.destroy();
      }
    });
  }

  #refused(address: string | undefined, reason: string, replica?: ReplicaId): void {
    this.#occasionally.write('warn', 'peer-refused', { address, replica, reason }, replica);
  }
}

/** A connection's other end, by which its plain and its TLS socket are known as one. */
function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress}:${remotePort}`;
}
