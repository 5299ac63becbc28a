import { connect, type TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { Cluster, CoordinatorMember } from '../../vocabulary/cluster.js';
import { ChannelQueues } from './channel-queues.js';
import type { PeerChannel } from './channels.js';
import { encodeFrame } from './frames.js';
import { coordinatorOf, type PeerCredential, tlsOptions } from './identity.js';

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
export class OutgoingLink {
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

  /** Queues the bytes. Those of one tick leave together, as few TLS records. */
  send(channel: PeerChannel, bytes: Uint8Array): void {
    if (this.#stopped) return;
    this.#queue.push(channel, encodeFrame(channel, bytes));
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
      reason = error;
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
