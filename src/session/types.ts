import type { Brand, ClientId, Digest, ReplicaId } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';

/** Names a session: a digest of its header, so that nobody can take another's. */
export type SessionId = Brand<Digest, 'SessionId'>;

/** How a session begins. It is sent with every run of operations; there is no separate start. */
export interface SessionHeader {
  /** Which application the operations are for, as the cluster file names it. */
  readonly application: string;
  /** Common name of the owner's certificate. */
  readonly owner: ClientId;
  /** The owner's certificate (DER), issued by the cluster's authority with OU=client. */
  readonly certificate: Uint8Array;
  /**
   * 16 bytes of the owner's: the time in milliseconds as 8 bytes, big-endian, and 8 random ones. Replicas
   * do not remember sessions for ever; of an owner whose session they forgot they take no older one.
   */
  readonly nonce: Uint8Array;
}

/** One step of a session. `end` is the last: nothing follows it. */
export type SessionOperation =
  | { readonly kind: 'call'; readonly payload: string }
  | { readonly kind: 'end' };

/**
 * Operations in a row of one session, signed once: the owner's signature is over the head after the
 * last, which is a hash chain over all operations since the header. `sequence` counts from 1.
 */
export interface SessionRun {
  readonly header: SessionHeader;
  /** Sequence number of the first operation. */
  readonly first: number;
  /** The head before the first operation; the session id where `first` is 1. */
  readonly before: Digest;
  readonly operations: readonly SessionOperation[];
  /** Owner's ECDSA P-256 signature with SHA-256 (IEEE P1363, 64 bytes) over the last head. */
  readonly signature: Uint8Array;
}

/** Sequence number of a run's last operation. */
export function lastOf({ first, operations }: SessionRun): number {
  return first + operations.length - 1;
}

/** A run whose certificate, signature and form have been checked. Made by `verifyRun` only. */
export type VerifiedRun = Brand<
  {
    readonly run: SessionRun;
    readonly session: SessionId;
    /** The head after each operation. */
    readonly heads: readonly Digest[];
  },
  'VerifiedRun'
>;

/** What a call came to. Texts are the application's own; both are bounded by `sessionLimits`. */
export type CallResult =
  | { readonly kind: 'done'; readonly result: string }
  | { readonly kind: 'rejected'; readonly reason: string };

/**
 * A replica's promise: it simulated the operation with this result, and the operation will be in the
 * agreed order by the deadline.
 */
export interface ReceiptStatement {
  readonly kind: 'receipt';
  readonly session: SessionId;
  readonly sequence: number;
  /** Names the operation and all before it. */
  readonly head: Digest;
  /** Digest of the encoded `CallResult`. */
  readonly result: Digest;
  /** The position whose state it was simulated on, and the history's digest there. */
  readonly base: number;
  readonly baseHistory: Digest;
  /** The position by which the operation is ordered. */
  readonly deadline: number;
  readonly replica: ReplicaId;
}

/** Another replica has the operation and simulated it with this result. */
export interface WitnessStatement {
  readonly kind: 'witness';
  readonly session: SessionId;
  readonly sequence: number;
  readonly head: Digest;
  readonly result: Digest;
  readonly replica: ReplicaId;
}

/**
 * What a replica says of a position of the agreed order: the root of the Merkle tree over the outcomes
 * that became final there, chained to all before. The history's digest after it is the digest of
 * `position`, `before` and `root`.
 */
export interface HistoryStatement {
  readonly kind: 'history';
  readonly position: number;
  readonly before: Digest;
  readonly root: Digest;
}

/** A replica's statement of where a session or a key of an application's state stands. */
export interface AttestationStatement {
  readonly kind: 'attestation';
  readonly subject:
    | { readonly kind: 'session'; readonly session: SessionId }
    | { readonly kind: 'state'; readonly application: string; readonly key: string };
  /** Digest of the value, `null` where there is none; for a session, of its `SessionStanding`. */
  readonly value: Digest | null;
  /** The position at which it stands so. */
  readonly position: number;
}

/** An application's wish to have done something at the participants, in one WS-AT transaction. */
export interface OrderStatement {
  readonly kind: 'order';
  /** Orders of one lane follow one another; each lane counts its own from 1. */
  readonly lane: number;
  readonly number: number;
  /** Owner of the session whose signed operations wish for it: banks ask whether it may debit. */
  readonly owner: ClientId;
  /** Digest of the encoded transfers. */
  readonly transfers: Digest;
}

/** What became of an order. */
export type OrderOutcome =
  | { readonly kind: 'committed' }
  /** The reason is the agreed one, the same at every replica. */
  | { readonly kind: 'aborted'; readonly reason: string };

/** A replica's statement of what its coordinator says of an order. */
export interface OrderReportStatement {
  readonly kind: 'order-report';
  readonly lane: number;
  readonly number: number;
  readonly outcome: OrderOutcome;
  readonly replica: ReplicaId;
}

export type SessionStatement =
  | ReceiptStatement
  | WitnessStatement
  | HistoryStatement
  | AttestationStatement
  | OrderStatement
  | OrderReportStatement;

/**
 * Signatures of `f + 1` or more different replicas, sorted by replica, under the same statement: at least
 * one of them is correct.
 */
export interface SessionCertificate<S extends SessionStatement> {
  readonly statement: S;
  readonly bytes: Uint8Array;
  readonly signatures: readonly { readonly replica: ReplicaId; readonly signature: Uint8Array }[];
}

/** What an operation came to in the agreed order. A leaf of the Merkle tree of its position. */
export interface OperationOutcome {
  readonly session: SessionId;
  readonly sequence: number;
  readonly head: Digest;
  readonly result: CallResult;
}

/** An outcome that proves itself to a reader that knows the cluster's public keys. */
export interface OutcomeProof {
  readonly outcome: OperationOutcome;
  /** From the leaf up; `left` where the sibling stands on the left. */
  readonly path: readonly { readonly side: 'left' | 'right'; readonly digest: Digest }[];
  readonly certificate: SessionCertificate<HistoryStatement>;
}

/** The application state's value under a key, proved by `f + 1` attestations. */
export interface StateProof {
  readonly application: string;
  readonly key: string;
  readonly value: string;
  /** Sorted by replica. Positions differ; the digest of the value does not. */
  readonly attestations: readonly (Signed<AttestationStatement> & {
    readonly replica: ReplicaId;
  })[];
}

/** Money from one account to another: what an application may ask of the banks. */
export interface SessionTransfer {
  /** Pays. */
  readonly from: { readonly bank: string; readonly account: string };
  /** Gets the amount. */
  readonly to: { readonly bank: string; readonly account: string };
  /** Whole number of the currency's smallest unit. */
  readonly amountMinor: number;
  /** Three capital letters (ISO 4217). */
  readonly currency: string;
}

/** An order with the signatures that let initiators act on it. Its transfers are one transaction. */
export interface CertifiedOrder {
  readonly transfers: readonly SessionTransfer[];
  readonly certificate: SessionCertificate<OrderStatement>;
}

/** How far a session is in the agreed order. One that is not known stands at its beginning. */
export interface SessionStanding {
  /** Sequence number of the first operation that is not in the order. */
  readonly next: number;
  /** The head before it. */
  readonly head: Digest;
  /** Where a session was last forgotten: before this position there may have been more of this one. */
  readonly since: number;
}

/**
 * Evidence that a replica broke its promise: `f + 1` replicas say that the order passed the deadline while the
 * session stood where the promised operation would have fitted.
 */
export interface BrokenPromise {
  readonly receipt: Signed<ReceiptStatement>;
  /** The session's operations up to the promised one, from the lowest `next` of the standings on. */
  readonly operations: readonly SessionOperation[];
  /** Sorted by replica. */
  readonly attestations: readonly (Signed<AttestationStatement> & {
    readonly replica: ReplicaId;
    readonly standing: SessionStanding;
  })[];
}

/** Evidence against a replica: two receipts for one number, with different operations or results. */
export type ContradictingReceipts = readonly [Signed<ReceiptStatement>, Signed<ReceiptStatement>];

const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Throws `RangeError` unless the text is a name, as ids are. */
export function applicationName(text: string): string {
  if (!nameForm.test(text)) throw new RangeError('not the name of an application');
  return text;
}

export const sessionLimits = {
  /** Of one payload, in UTF-8 bytes; of a result or reason likewise. */
  payloadBytes: 16 * 1024,
  /** Operations in one run. */
  runOperations: 64,
  /** A run as it travels. */
  runBytes: 256 * 1024,
  /** Of a session that are not final yet. */
  openOperations: 256,
  certificateBytes: 4096,
  /** Outcomes of one position. */
  outcomes: 16_384,
  /** Transfers of one order. */
  transfers: 64,
  lanes: 32,
  keyBytes: 256,
  valueBytes: 256 * 1024,
} as const;
