import type { Logger } from 'pino';
import type { Cluster } from '../../vocabulary/cluster.js';
import type { ReplicaId } from '../../vocabulary/ids.js';
import type { ChannelHandler, PeerChannel } from './channels.js';
import type { Frame } from './frames.js';
import type { PeerCredential } from './identity.js';
import { Listener } from './listener.js';
import { OutgoingLink } from './outgoing-link.js';

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
 * Links to the other coordinators: TLS 1.3, each end known by its certificate in the cluster file.
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

  /** Says who takes a channel's messages, before the start. Those of channels without are dropped. */
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
    link.send(channel, bytes);
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
