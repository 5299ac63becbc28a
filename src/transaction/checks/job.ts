import type { Cluster, ParticipantMember } from '../../kernel/cluster.js';
import type { ReplicaId } from '../../kernel/ids.js';
import type { ProvedSignature } from '../../kernel/keys.js';
import type { Principal } from '../../soap/trust.js';

/** What a worker is asked to look at. */
export type CheckJob =
  /** An agreement message from a replica. */
  | { readonly kind: 'peer'; readonly from: ReplicaId; readonly bytes: Uint8Array }
  /** A signed SOAP envelope. */
  | { readonly kind: 'envelope'; readonly text: string }
  /** What a message shows besides. */
  | { readonly kind: 'evidence'; readonly evidence: Evidence };

/** Signed statements and certificates, encoded. */
export interface Evidence {
  readonly statements: readonly Uint8Array[];
  readonly certificates: readonly Uint8Array[];
}

/** What a worker vouches for. */
export interface Checked {
  /** Signatures that hold, and that it had not seen before. */
  readonly proved: readonly ProvedSignature[];
  /** Signatures that it checked for that. */
  readonly checks: number;
  /** The message in an envelope whose signature holds. */
  readonly message?: CheckedMessage | undefined;
}

/** A message as `MessageWriter` writes it, and what `MessageVerifier` found of it. */
export interface CheckedMessage {
  readonly bytes: Uint8Array;
  readonly principal: Principal;
  readonly owner: string;
  readonly key: string;
  readonly keepUntilMs: number;
}

/** `workerData`: the cluster as it is now. */
export type CheckerData = Cluster;

/** The participants that there are from now on. */
export type CheckerNews = readonly ParticipantMember[];
