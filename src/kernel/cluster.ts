import type { ClusterId, InitiatorId, ParticipantId, ReplicaId, Resilience } from './ids.js';

/** What everybody knows of a node. */
export interface Member {
  /** Node name, unique in the cluster, and the common name of its certificate. */
  readonly name: string;
  /** Base address of its HTTP server, without a slash at the end. */
  readonly url: string;
  /** SHA-256 of its X.509 certificate (DER), 64 lower-case hexadecimal digits. */
  readonly certificateSha256: string;
  /** Raw Ed25519 public key for statements and agreement messages, 64 hexadecimal digits. */
  readonly statementKey: string;
}

export interface CoordinatorMember extends Member {
  readonly id: ReplicaId;
  /** Where its peers reach it over TLS. */
  readonly peer: { readonly host: string; readonly port: number };
}

export interface InitiatorMember extends Member {
  readonly id: InitiatorId;
}

export interface ParticipantMember extends Member {
  readonly id: ParticipantId;
  /** When its certificate begins, in milliseconds since 1970; of a participant that joined later. */
  readonly validFromMs?: number | undefined;
}

/** A front door: a client that serves plain SOAP. It signs envelopes but no statements. */
export type FrontMember = Omit<Member, 'statementKey'>;

/** Durations in milliseconds. */
export interface Timing {
  /** How long a slot may stay undecided before its primary is suspected. Doubles by view change. */
  readonly suspectAfterMs: number;
  /** First retransmission of an unanswered message; grows by half each time up to ten times this. */
  readonly resendAfterMs: number;
  /** How long a vote may be missing before the transaction may abort. */
  readonly voteTimeoutMs: number;
  /** Lifetime of a transaction whose initiator names none. */
  readonly defaultExpiresMs: number;
}

/** The ordering engines that there are. */
export const engineNames = ['antipaxos', 'fab', 'pbft'] as const;
export type EngineName = (typeof engineNames)[number];

/** What Layer 2 runs: the same at every coordinator. */
export interface SessionsSetting {
  /** Which engine puts the operations of sessions in order. */
  readonly engine: EngineName;
  /** Names of the applications that sessions are for. */
  readonly applications: readonly string[];
}

/** How the cluster's own nodes send messages to each other. */
export const bindings = ['soap', 'compact'] as const;

/**
 * `soap`: signed SOAP over HTTP, as from anybody. `compact`: binary over mutual TLS; signed SOAP where a node cannot be
 * reached so. Statements are signed either way, and so are the messages of clients.
 */
export type Binding = (typeof bindings)[number];

/** How coordinators may agree on a slot. */
export const agreementNames = ['three-phase', 'two-step'] as const;

/**
 * `three-phase`: as PBFT. `two-step`: two message delays decide where nearly all replicas answer, and three otherwise. A
 * decision of two steps has another proof, so the name stands in the cluster's public file.
 */
export type AgreementName = (typeof agreementNames)[number];

/** The cluster's public file: all that a third party needs to check a proof. */
export interface Cluster {
  /** Its name, which all that is signed names. */
  readonly id: ClusterId;
  /** How many coordinators it has, and how many of them may be Byzantine. */
  readonly resilience: Resilience;
  /** Certificate authority, PEM. Client certificates are those it issued with OU=client. */
  readonly authority: string;
  /** By their ids, from 0. */
  readonly coordinators: readonly CoordinatorMember[];
  /** By their ids, from 0. */
  readonly initiators: readonly InitiatorMember[];
  /**
   * The banks, and other participants. At a node that runs another list takes the place of this one when a participant
   * is admitted; no list changes.
   */
  readonly participants: readonly ParticipantMember[];
  /** Front doors, and where they serve plain SOAP. */
  readonly fronts: readonly FrontMember[];
  /** Origins (scheme, host, port) that may be called besides those of the members. */
  readonly allowedOrigins: readonly string[];
  /** What its nodes wait for. */
  readonly timing: Timing;
  /** How its nodes send messages to each other. */
  readonly binding: Binding;
  /** How its coordinators agree. It never changes: what two steps decide is no decision of three phases. */
  readonly agreement: AgreementName;
  /** Finished transactions that each coordinator remembers, with their proofs. */
  readonly retainedTransactions: number;
  /** Decided transactions that one participant may leave unacknowledged and still register in others. */
  readonly owedTransactions: number;
  /** Absent where the cluster has no sessions. */
  readonly sessions?: SessionsSetting | undefined;
}
