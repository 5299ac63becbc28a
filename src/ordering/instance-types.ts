import type { Digest, ReplicaId } from '../kernel/ids.js';

/** A place that one replica's proposals have, from 1: ezBFT's instance number (Arun and others §III). */
export interface Instance {
  /** The replica whose instance space it is in. */
  readonly space: ReplicaId;
  readonly index: number;
}

/**
 * What an instance is executed after: `k` at place `r` stands for all instances of space `r` up to index `k`. At
 * the instance's own space that is the one before it.
 */
export type Dependencies = readonly number[];

/** What an instance may be decided as: a batch, by its digest, and what it is executed after. */
export interface InstanceValue {
  readonly digest: Digest;
  readonly deps: Dependencies;
}
