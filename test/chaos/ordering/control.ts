import type { EngineName } from '../../../bench/simulated/cluster.js';
import type { OrderingLie } from '../../simulation/ordering/byzantine/library.js';
import type { Lane } from '../../simulation/ordering/machine.js';

/** What a liar does with its key: as in the simulator, or whatever comes of changing what it sends. */
export type ChaosLie = OrderingLie | 'distort';

/** What a replica's process is started with, as JSON in its only argument. */
export interface Setup {
  readonly engine: EngineName;
  readonly decisionsBy: 'pbft' | 'fab';
  /** Where the cluster and all stores are. */
  readonly directory: string;
  readonly nodeFile: string;
  readonly store: string;
  readonly replica: number;
  /** Its disk was replaced by an empty one. */
  readonly hasLostStore: boolean;
  readonly lies: readonly ChaosLie[];
  /** Of what it draws, where it lies. */
  readonly seed: string;
}

/** A request as a replica's machine applied it. */
export interface AppliedThere {
  readonly lane: string;
  readonly index: number;
  readonly position: number;
  readonly client: string;
  readonly number: number;
  readonly chain: string;
}

export type ToReplica = {
  readonly kind: 'submit';
  readonly client: string;
  readonly number: number;
  readonly text: string;
};

export type FromReplica =
  /** Its links are up; what it had in its store was told before. */
  | { readonly kind: 'ready' }
  /** What is on disk there; told in its order. */
  | { readonly kind: 'applied'; readonly entries: readonly AppliedThere[] }
  | { readonly kind: 'installed'; readonly lanes: readonly Lane[] }
  | { readonly kind: 'delivered'; readonly position: number }
  | { readonly kind: 'state'; readonly isLost: boolean; readonly refused: number };
