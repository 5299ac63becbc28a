import { type ClientId, clientId, type Digest, type ReplicaId } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type { Batch } from './common-types.js';

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

/** What of a batch decides which others it interferes with (Arun and others §III), as the application says. */
export interface Touched {
  readonly isBarrier: boolean;
  readonly clients: readonly ClientId[];
  readonly keys: readonly string[];
  /** Of these the application is asked, request by request; none where it gives keys. */
  readonly asked: Batch;
}

/** What an instance may be decided as: a batch, by its digest, and what it is executed after. */
export interface InstanceValue {
  readonly digest: Digest;
  /** Of what the batch touches: so the replies to a batch vouch for it, where the batch is not at hand. */
  readonly touched: Digest;
  readonly deps: Dependencies;
}

/**
 * What one replica says of an instance, once (Arun and others §IV.A.3, SPECREPLY): all that say the same sign the same
 * bytes. The leader's own is its proposal (SPECORDER).
 */
export interface SpecReply {
  readonly kind: 'spec-reply';
  readonly scope: 'ezbft';
  readonly instance: Instance;
  /** `null`: it has named no value, and never will. */
  readonly value: InstanceValue | null;
}

/** What the leader sends: its reply, with the batch. An empty batch is a barrier, which interferes with all. */
export interface SpecOrder {
  readonly order: Signed<SpecReply>;
  readonly batch: Batch;
}

/** The Decision Module's command: what `n - f` replicas or more said of an instance. */
export interface Settlement {
  /** Sorted by replica. */
  readonly said: readonly { readonly replica: ReplicaId; readonly reply: Signed<SpecReply> }[];
  /** What the batch touches that the instance may be decided as; `null` where that follows to be none. */
  readonly touched: Touched | null;
}

/** Whose the Decision Module's commands for a space's instances are, so that the first for each is executed. */
export const instanceClient = (space: ReplicaId): ClientId => clientId(`space/${space}`);
