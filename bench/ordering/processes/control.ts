import type { ListenAddress } from '../../../src/kernel/config/node-file.js';
import type { ExclusionStrategy } from '../../../src/ordering/core/antipaxos/state.js';
import type { EngineName } from '../../simulated/cluster.js';

/** What a process of a group is started with, as JSON in its only argument. */
export interface Setup {
  readonly engine: EngineName;
  readonly directory: string;
  /** How many replicas may fail. */
  readonly faults: number;
  /** Public key of all clients, PEM; and the private one, which only they have. */
  readonly clientKey: string;
  readonly clientPrivateKey?: string;
  /** Node files of the replicas, in their order; a replica's own is that of its number. */
  readonly nodeFiles: readonly string[];
  readonly replica?: number;
  /** Where clients connect to each replica. */
  readonly entries: readonly ListenAddress[];
  /** What their connections come from: each of these is a place, and clients are at all of them in turn. */
  readonly clientAddresses: readonly string[];
  readonly depth: number;
  /** Given where replicas are to fail: whom Antipaxos leaves out, with the time-outs of production. */
  readonly exclusion?: ExclusionStrategy;
  /** Clients of ezBFT learn what replicas say of an instance, too, and need not wait until it is executed. */
  readonly early?: boolean;
}

/** How the clients put the replicas under load. */
export interface LoadSettings {
  readonly clients: number;
  readonly requestBytes: number;
  /** Whether each request bears its client's signature, ECDSA P-256. */
  readonly sign: boolean;
  /** So many operations of `requestBytes` are one request, under one signature, as runs of a session are; one unless given. */
  readonly operations?: number;
  /** Requests a second, by whichever client waits for nothing; as many as the clients can unless given. */
  readonly perSecond?: number;
  /** Where the clients hand in; where it suits the engine best unless given. */
  readonly homes?: readonly number[];
  /** Of so many requests in one, one touches what those of other clients touch; none unless given. */
  readonly contention?: number;
}

export type ToClient =
  /** Starts the load; what ran before ends. Answered by `loaded` when each client has had an answer. */
  | { readonly kind: 'load'; readonly load: LoadSettings }
  /** No new requests. Answered by `quiet` when the last is answered. */
  | { readonly kind: 'stop' }
  | { readonly kind: 'begin' }
  /** Answered by the window since `begin`. */
  | { readonly kind: 'end' }
  /** Answered by `told`, with each answer since `begin`. */
  | { readonly kind: 'tell' };

export type FromClient =
  | { readonly kind: 'ready' | 'loaded' | 'quiet' | 'begun' }
  | { readonly kind: 'window'; readonly window: Window }
  | { readonly kind: 'told'; readonly timeline: Timeline };

/** Requests under way since `begin`; of each that was answered, when, counted from there, how long it took, and whose it was. */
export interface Timeline {
  readonly requests: number;
  readonly answeredMs: readonly number[];
  readonly latenciesMs: readonly number[];
  readonly clients: readonly number[];
}

/** What the clients saw within a window. */
export interface Window {
  readonly requests: number;
  readonly seconds: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export type ToReplica = { readonly kind: 'tell' };
export type FromReplica =
  | { readonly kind: 'ready' }
  | { readonly kind: 'told'; readonly state: ReplicaState };

export interface ReplicaState {
  readonly position: number;
  /** Requests executed so far, and a digest of all of them in their order. */
  readonly executed: number;
  readonly history: string;
  /** Cycles that the Decision Module decided, or the view: 0 in the normal case. */
  readonly troubles: number;
}

/** Requests executed for a client's number. The first letter tells whether the client signs. */
export function clientName(index: number, signs: boolean): string {
  return `${signs ? 's' : 'u'}${index}`;
}

export function signs(client: string): boolean {
  return client.startsWith('s');
}

export function indexOfClient(client: string): number {
  return Number(client.slice(1));
}
