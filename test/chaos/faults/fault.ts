import type { Group } from '../cluster/members.js';

/** Which node of its group a fault befalls. */
export type Victim =
  /** Whoever is the primary when it happens. */
  | { readonly kind: 'primary' }
  | { readonly kind: 'node'; readonly name: string }
  /** The whole group at once. */
  | { readonly kind: 'all' };

export const partitionShapes = ['isolated', 'deaf', 'mute', 'split', 'half'] as const;
/**
 * - `isolated`: the victim and all others do not hear each other.
 * - `deaf`: the victim hears nobody, but is heard; `mute` the other way round.
 * - `split`: all nodes fall in two parts with half of the coordinators each.
 * - `half`: the victim and half of the coordinators do not hear each other.
 */
export type PartitionShape = (typeof partitionShapes)[number];

export const faultKinds = ['kill', 'disk-loss', 'pause', 'partition', 'slow', 'byzantine'] as const;
export type FaultKind = (typeof faultKinds)[number];

/** A fault that is to happen. */
export type Fault = {
  /** Since the beginning of the run; later where the one before in its track took longer. */
  readonly atMs: number;
  /** How long it lasts; what is needed to become healthy again comes on top. */
  readonly lastsMs: number;
  readonly group: Group;
  readonly victim: Victim;
} & (
  | { readonly kind: 'kill' | 'disk-loss' | 'pause' | 'slow' }
  | {
      readonly kind: 'partition';
      readonly shape: PartitionShape;
      readonly sides: readonly string[];
    }
  | { readonly kind: 'byzantine'; readonly script: ByzantineScript }
);

/** Scripts that run in a node's place, by the group that they are for. */
export const byzantineScripts = {
  coordinators: ['contradicting', 'selective', 'mutating'],
  initiators: ['greedy', 'two-faced'],
} as const;
export type ByzantineScript = (typeof byzantineScripts)[keyof typeof byzantineScripts][number];
