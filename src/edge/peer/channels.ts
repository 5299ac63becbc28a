import type { ReplicaId } from '../../vocabulary/ids.js';

/** The protocols that share the links. A frame names one by its place in this list. */
export const peerChannels = ['agreement', 'ordering', 'sessions'] as const;

export type PeerChannel = (typeof peerChannels)[number];

/** One protocol's side of the links. */
export interface ChannelHandler {
  /** Takes a message whose sender TLS has proved. What throws costs the sender its connection. */
  onMessage(from: ReplicaId, bytes: Uint8Array): void;
  /** The way to this replica is open, for the first time or again: say again what it may lack. */
  onUp?(replica: ReplicaId): void;
}
