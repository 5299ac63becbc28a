import type { ListenAddress } from '../../../src/kernel/config/node-file.js';

/** The two servers that a node may have. */
export type ServerKind = 'http' | 'peer';

/** One server of one node. */
export interface Place {
  /** Where the cluster file says it is. */
  readonly advertised: ListenAddress;
  /** Where it listens in truth. */
  readonly listen: ListenAddress;
}

/**
 * The network between the nodes, and what can be done to it. Who is no node of it, such as this
 * program, reaches every node at all times.
 */
export interface Network {
  readonly kind: NetworkKind;
  place(node: string, server: ServerKind): Place;
  /** What a node's command line begins with, before `node`. */
  launcher(node: string): readonly string[];
  /** What comes after `node`. */
  nodeOptions(node: string): readonly string[];
  /** Nothing more gets from the one to the other, not even on connections that there are. */
  cut(from: string, to: string): Promise<void>;
  restore(from: string, to: string): Promise<void>;
  /** All that a node sends and receives trickles. */
  slow(node: string): Promise<void>;
  hasten(node: string): Promise<void>;
  close(): Promise<void>;
}

export const networkKinds = ['namespaces', 'proxy'] as const;
export type NetworkKind = (typeof networkKinds)[number];

/** What a slow node's line carries. */
export const slowBytesPerSecond = 128 * 1024;
