import { connect, type TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { Cluster, CoordinatorMember } from '../cluster.js';
import { costs } from '../costs.js';
import type { ReplicaId } from '../ids.js';
import {
  type ChannelHandler,
  ChannelQueues,
  encodeFrame,
  type Frame,
  type PeerChannel,
} from './frames.js';
import { coordinatorOf, type PeerCredential, tlsOptions } from './identity.js';
import { Listener } from './listener.js';
import { linkProtocols, versionRefused } from './version.js';

/** A connection that is not established, or takes no bytes, for so long is given up. */
const stallMs = 5000;
const keepAliveMs = 10_000;
const firstRetryMs = 50;
const lastRetryMs = 2000;
/** A connection that lasted so long was a good one: the next retry comes soon again. */
const soundAfterMs = 2000;
/** Frames beyond this stay in the queue, where the oldest can still be dropped. */
const maxSocketBytes = 256 * 1024;

export interface OutgoingLinkOptions {
  readonly cluster: Cluster;
  readonly peer: CoordinatorMember;
  readonly credential: PeerCredential;
  readonly onUp: () => void;
  readonly log: Logger;
}

/**
 * The connection on which one replica sends to one other: dialled, kept, and dialled again with
 * exponential back-off when it fails. Nothing is received on it.
 */
class OutgoingLink {
  readonly #options: OutgoingLinkOptions;
  readonly #queue = new ChannelQueues();
  #socket: TLSSocket | undefined;
  #up = false;
  #upSince = 0;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #flushScheduled = false;
  #stopped = false;

  constructor(options: OutgoingLinkOptions) {
    this.#options = options;
  }

  get status(): { up: boolean; queued: number; dropped: number } {
    return { up: this.#up, queued: this.#queue.length, dropped: this.#queue.dropped };
  }

  /** Queues the frame. Those of one tick leave together, as few TLS records. */
  send(channel: PeerChannel, frame: Buffer): void {
    if (this.#stopped) return;
    costs.frames += 1;
    costs.frameBytes += frame.length;
    this.#queue.push(channel, frame);
    if (!this.#up || this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  start(): void {
    const { cluster, peer, credential } = this.#options;
    const socket = connect({
      ...tlsOptions(cluster, credential),
      host: peer.peer.host,
      port: peer.peer.port,
      ALPNProtocols: [...linkProtocols],
      // Which name the certificate bears does not matter: it must be the one in the cluster file.
      checkServerIdentity: () => undefined,
    });
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveMs);
    socket.setTimeout(stallMs, () => socket.destroy(new Error('timed out')));
    socket.on('secureConnect', () => this.#established(socket));
    socket.on('drain', () => {
      socket.setTimeout(0);
      this.#flush();
    });
    socket.on('data', () => socket.destroy(new Error('sent data on a one-way connection')));
    let reason: Error | undefined;
    socket.on('error', (error) => {
      reason = isNoVersion(error) ? new Error(versionRefused()) : error;
    });
    socket.on('close', () => this.#closed(reason));
  }

  /** The peer shows that it is there: a retry that is waiting is made at once. */
  peerIsUp(): void {
    if (this.#retry !== undefined) this.#redial();
  }

  #redial(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.start();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#socket?.destroy();
  }

  #established(socket: TLSSocket): void {
    const { cluster, peer, onUp, log } = this.#options;
    if (coordinatorOf(cluster, socket)?.id !== peer.id) {
      socket.destroy(new Error('its certificate is not the one in the cluster file'));
      return;
    }
    // The peer takes no part in agreeing on a version: it is of before there were any.
    if (typeof socket.alpnProtocol !== 'string') {
      socket.destroy(new Error(versionRefused()));
      return;
    }
    socket.setTimeout(0);
    this.#up = true;
    this.#upSince = performance.now();
    log.info({ replica: peer.id, ...this.status }, 'peer-up');
    onUp();
    this.#flush();
  }

  #flush(): void {
    const socket = this.#socket;
    if (!this.#up || socket === undefined || socket.writableLength >= maxSocketBytes) return;
    socket.cork();
    costs.flushes += 1;
    while (socket.writableLength < maxSocketBytes) {
      const frame = this.#queue.shift();
      if (frame === undefined) break;
      socket.write(frame);
    }
    socket.uncork();
    // Frames are left only where a write has said that it will drain.
    if (this.#queue.length > 0) socket.setTimeout(stallMs);
  }

  #closed(reason: Error | undefined): void {
    const { peer, log } = this.#options;
    if (this.#up && performance.now() - this.#upSince > soundAfterMs) this.#failures = 0;
    const wasUp = this.#up;
    this.#up = false;
    this.#socket = undefined;
    if (this.#stopped) return;
    // One line a break, not one a retry, however long the peer is away.
    if (wasUp || this.#failures === 0) {
      log.warn(
        { replica: peer.id, reason: reason?.message ?? 'closed', ...this.status },
        'peer-down',
      );
    }
    const delay = Math.min(firstRetryMs * 2 ** this.#failures, lastRetryMs);
    this.#failures += 1;
    this.#retry = setTimeout(() => this.#redial(), delay * (0.75 + Math.random() / 2));
  }
}

/** The peer has ended the handshake, as it speaks no version that was offered. */
function isNoVersion(error: Error): boolean {
  return 'code' in error && error.code === 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL';
}

export interface PeerNetworkOptions {
  readonly cluster: Cluster;
  readonly self: ReplicaId;
  readonly listen: { readonly host: string; readonly port: number };
  readonly credential: PeerCredential;
  readonly log: Logger;
}

/** How the way to one replica is doing. */
export interface PeerStatus {
  readonly replica: ReplicaId;
  readonly up: boolean;
  readonly queued: number;
  /** Frames lost to a full queue since the start. */
  readonly dropped: number;
}

/**
 * Links to the other coordinators: TLS 1.3, each end known by its certificate in the cluster file, both of one
 * version of the protocol.
 * Every ordered pair of replicas has one connection, which all channels share. Messages of a channel
 * between two replicas keep their order, but a broken connection or a full queue may lose some:
 * protocols repeat them.
 */
export class PeerNetwork {
  readonly #listener: Listener;
  readonly #links: ReadonlyMap<ReplicaId, OutgoingLink>;
  readonly #handlers = new Map<PeerChannel, ChannelHandler>();

  constructor(options: PeerNetworkOptions) {
    const { cluster, self, credential, log } = options;
    this.#listener = new Listener({
      ...options,
      onFrame: (from, frame) => this.#onFrame(from, frame),
      onConnected: (from) => this.#links.get(from)?.peerIsUp(),
    });
    this.#links = new Map(
      cluster.coordinators
        .filter(({ id }) => id !== self)
        .map((peer) => [
          peer.id,
          new OutgoingLink({ cluster, peer, credential, onUp: () => this.#onUp(peer.id), log }),
        ]),
    );
  }

  /** Sets the receiver of a channel's messages, before the start. Those of channels without are dropped. */
  attach(channel: PeerChannel, handler: ChannelHandler): void {
    if (this.#handlers.has(channel)) throw new Error(`the channel ${channel} is taken`);
    this.#handlers.set(channel, handler);
  }

  /** Listens and begins to dial. Rejects where the address cannot be listened on. */
  async start(): Promise<void> {
    await this.#listener.start();
    for (const link of this.#links.values()) link.start();
  }

  /**
   * Queues a message of 1 byte to 16 MiB. Throws `RangeError` at other lengths, and where there is
   * no such other replica.
   */
  send(channel: PeerChannel, to: ReplicaId, bytes: Uint8Array): void {
    const link = this.#links.get(to);
    if (link === undefined) throw new RangeError(`no other replica ${to}`);
    link.send(channel, encodeFrame(channel, bytes));
  }

  /** Queues a message for every other replica. Throws `RangeError` as `send`. */
  broadcast(channel: PeerChannel, bytes: Uint8Array): void {
    const frame = encodeFrame(channel, bytes);
    for (const link of this.#links.values()) link.send(channel, frame);
  }

  status(): PeerStatus[] {
    return [...this.#links].map(([replica, link]) => ({ replica, ...link.status }));
  }

  /** Closes all connections. What is queued is lost. */
  async stop(): Promise<void> {
    for (const link of this.#links.values()) link.stop();
    await this.#listener.stop();
  }

  #onFrame(from: ReplicaId, { channel, bytes }: Frame): void {
    this.#handlers.get(channel)?.onMessage(from, bytes);
  }

  #onUp(replica: ReplicaId): void {
    for (const handler of this.#handlers.values()) handler.onUp?.(replica);
  }
}
