import type { Attempt, Brand, Digest, ReplicaId, TransactionId, View } from '../kernel/ids.js';
import type { Signed, Verified } from '../kernel/signed.js';
import type {
  AcknowledgementStatement,
  ActivationStatement,
  CompletionStatement,
  Outcome,
  RegistrationStatement,
  VoteStatement,
} from './statements.js';

/**
 * One agreement instance: the transaction id for a request, or the outcome of a transaction. A request is
 * named by a digest of its client and timestamp, so that a client gets one transaction for a timestamp.
 */
export type Slot =
  | { readonly kind: 'activation'; readonly request: Digest }
  | { readonly kind: 'outcome'; readonly tid: TransactionId };

/** A slot as a map key. */
export type SlotKey = Brand<string, 'SlotKey'>;

export function slotKey(slot: Slot): SlotKey {
  return (slot.kind === 'activation' ? `a:${slot.request}` : `o:${slot.tid}`) as SlotKey;
}

/** Orders proposals of one slot: by view, then by the primary's attempt within it. */
export interface Ballot {
  readonly view: View;
  readonly attempt: Attempt;
}

/** Negative, zero or positive as `a` is before, at or after `b`. */
export function compareBallots(a: Ballot, b: Ballot): number {
  return a.view - b.view || a.attempt - b.attempt;
}

/** What a slot decides, readable without the value: the transaction id, or the outcome. */
export type SlotResult =
  | {
      readonly kind: 'activation';
      readonly tid: TransactionId;
      /** Digest of all that the initiators ask for alike: which of a client's requests it is. */
      readonly content: Digest;
    }
  | { readonly kind: 'outcome'; readonly outcome: Outcome };

/** A replica's own UUID for a transaction (Zhao §4.1, ba-pre-prepare and ba-pre-prepare-reply). */
export interface UuidProposal {
  readonly kind: 'proposal';
  readonly slot: Slot;
  readonly view: View;
  /** 16 random bytes as 32 hexadecimal digits. */
  readonly uuid: string;
  readonly replica: ReplicaId;
}

/**
 * A replica takes no registrations for the transaction any more, and acknowledged none beyond these (two steps only). It
 * is in the view, and neither voted in the first attempt of an earlier one for the transaction's outcome nor holds a lock
 * there. All replicas that closed alike sign the same bytes.
 */
export interface ClosingStatement {
  readonly kind: 'closing';
  readonly tid: TransactionId;
  readonly view: View;
  /** Digest of the enlistments, sorted. */
  readonly enlistments: Digest;
}

/** A quorum closed the transaction alike in one view, sorted by replica. */
export interface ClosingCertificate {
  readonly statement: ClosingStatement;
  readonly bytes: Uint8Array;
  readonly signatures: readonly ReplicaSignature[];
}

/** The value of an activation slot: the requests, and the proposals behind the collective UUID. */
export interface ActivationValue {
  readonly kind: 'activation';
  /** `f + 1` statements of different initiators, alike but for the initiator. */
  readonly requests: readonly Signed<ActivationStatement>[];
  /** A quorum of proposals of different replicas in one view, sorted by replica. */
  readonly proposals: readonly Signed<UuidProposal>[];
}

export interface ParticipantRecord {
  readonly registration: Signed<RegistrationStatement>;
  readonly vote?: Signed<VoteStatement>;
}

/** Why a transaction aborts. `timeout`: a vote did not come before the replica's own timer ran out. */
export type AbortReason = 'vote' | 'rollback' | 'timeout';

/** The value of an outcome slot: the outcome and its decision certificate `C` (Zhao §4.3). */
export interface OutcomeValue {
  readonly kind: 'outcome';
  readonly tid: TransactionId;
  readonly outcome: Outcome;
  /** Present exactly where the outcome is `abort`. */
  readonly reason?: AbortReason;
  /** Sorted by enlistment id. */
  readonly records: readonly ParticipantRecord[];
  /** `f + 1` statements of different initiators where the outcome rests on them. */
  readonly completion: readonly Signed<CompletionStatement>[];
  /** Of a commit in two steps: no other registration was acknowledged by a quorum. */
  readonly closing?: ClosingCertificate;
}

export type SlotValue = ActivationValue | OutcomeValue;

/** What pre-prepare, prepare and commit say; all replicas sign the same bytes in a phase. */
export interface PhaseStatement {
  readonly kind: 'phase';
  readonly phase: 'pre-prepare' | 'prepare' | 'commit';
  readonly slot: Slot;
  readonly ballot: Ballot;
  /** Digest of the encoded value. */
  readonly digest: Digest;
  readonly result: SlotResult;
}

/** Whether two statements speak of the same value at the same ballot of the same slot. */
export function sameProposal(a: PhaseStatement, b: PhaseStatement): boolean {
  return (
    a.digest === b.digest &&
    compareBallots(a.ballot, b.ballot) === 0 &&
    sameSlot(a.slot, b.slot) &&
    sameResult(a.result, b.result)
  );
}

/** Whether two slots are one. */
export function sameSlot(a: Slot, b: Slot): boolean {
  return a.kind === 'activation'
    ? b.kind === 'activation' && a.request === b.request
    : b.kind === 'outcome' && a.tid === b.tid;
}

/** Whether two results are one. */
export function sameResult(a: SlotResult, b: SlotResult): boolean {
  return a.kind === 'activation'
    ? b.kind === 'activation' && a.tid === b.tid && a.content === b.content
    : b.kind === 'outcome' && a.outcome === b.outcome;
}

export interface ReplicaSignature {
  readonly replica: ReplicaId;
  readonly signature: Uint8Array;
}

/** Signatures of different replicas, sorted by replica, under the same bytes. */
export interface PhaseCertificate {
  readonly statement: PhaseStatement;
  readonly bytes: Uint8Array;
  readonly signatures: readonly ReplicaSignature[];
}

/** A pre-prepare together with its value. */
export interface Proposal {
  readonly prePrepare: Signed<PhaseStatement>;
  readonly value: SlotValue;
}

/** A quorum was ready to decide this value: the primary's pre-prepare and the backups' prepares. */
export interface PreparedCertificate {
  readonly prePrepare: Signed<PhaseStatement>;
  /** `quorum - 1` prepares at the least, none of the primary. */
  readonly prepares: PhaseCertificate;
  readonly value: SlotValue;
}

/**
 * What a third party needs to believe a result: a quorum of commits. Or, in two steps, the prepares of all but `t + 1`
 * replicas at the first attempt of a view, none of them the primary's: with its pre-prepare, which each of them has seen,
 * `n - t` voted.
 */
export type CommitCertificate = PhaseCertificate;

/** A decided slot as a portable proof. */
export interface DecisionProof {
  readonly commits: CommitCertificate;
  readonly value: SlotValue;
}

/** A replica wants another view, and says what it is locked on. Signed, never MACed. */
export interface ViewChangeStatement {
  readonly kind: 'view-change';
  readonly view: View;
  /** The highest prepared certificate known for each open slot, sorted by slot key. */
  readonly prepared: readonly PreparedCertificate[];
}

/** The primary of a view opens it with a quorum of view changes, sorted by replica. */
export interface NewViewStatement {
  readonly kind: 'new-view';
  readonly view: View;
  readonly viewChanges: readonly SignedViewChange[];
}

export interface SignedViewChange extends Signed<ViewChangeStatement> {
  readonly replica: ReplicaId;
}

/** What replicas hand on to each other of what was signed for one of them. */
export type RecordStatement =
  | RegistrationStatement
  | VoteStatement
  | CompletionStatement
  | AcknowledgementStatement;

/** What a replica sends to another one. The link identifies the sender; signatures identify the author. */
export type PeerMessage =
  /** Signed requests handed on to the primary by a backup. */
  | { readonly kind: 'requests'; readonly requests: readonly Signed<ActivationStatement>[] }
  /** Zhao's ba-pre-prepare of an activation: the request and the primary's own UUID. */
  | {
      readonly kind: 'activation-pre-prepare';
      readonly requests: readonly Signed<ActivationStatement>[];
      readonly proposal: Signed<UuidProposal>;
    }
  /** Zhao's ba-pre-prepare-reply: a backup's own UUID, to all. */
  | { readonly kind: 'pre-prepare-reply'; readonly proposal: Signed<UuidProposal> }
  /** Zhao's ba-pre-prepare-update: which replies were chosen, and so the value. */
  | {
      readonly kind: 'pre-prepare-update';
      readonly prePrepare: Signed<PhaseStatement>;
      /** Replicas whose proposals make the value, and the digest of each signed proposal. */
      readonly chosen: readonly { readonly replica: ReplicaId; readonly digest: Digest }[];
    }
  /** ba-pre-prepare with its value in full. */
  | {
      readonly kind: 'pre-prepare';
      readonly prePrepare: Signed<PhaseStatement>;
      readonly value: SlotValue;
    }
  /** ba-prepare or ba-commit, as the statement's phase says. */
  | { readonly kind: 'phase'; readonly signed: Signed<PhaseStatement> }
  /** A signed record that another replica may lack. */
  | {
      readonly kind: 'record';
      readonly record: Signed<RecordStatement>;
    }
  | { readonly kind: 'view-change'; readonly viewChange: SignedViewChange }
  | { readonly kind: 'new-view'; readonly newView: Signed<NewViewStatement> }
  /** A lock that a new primary may not know. */
  | { readonly kind: 'prepared'; readonly certificate: PreparedCertificate }
  | { readonly kind: 'decided'; readonly proof: DecisionProof }
  /** The sender has closed a transaction in its view: to the primary (two steps only). */
  | { readonly kind: 'closing'; readonly signed: Signed<ClosingStatement> }
  /** What binds the sender, which is in the view, in a slot by its vote at a first attempt (two steps only). */
  | {
      readonly kind: 'bonded';
      readonly slot: Slot;
      readonly view: View;
      /** What it voted for, at the first attempt of an earlier view; `null` where it is free. */
      readonly proposal: Proposal | null;
    }
  /** Asks for a slot's decision, or else for the value proposed in the receiver's view. */
  | { readonly kind: 'fetch'; readonly slot: Slot }
  /** Asks for the activation that made this transaction id, and for its outcome. */
  | {
      readonly kind: 'fetch-transaction';
      readonly tid: TransactionId;
      /** Chosen by the asker, other each time: an old answer must not pass for a new one. */
      readonly question: Digest;
    }
  /** The answer of a replica that has no record of it. */
  | {
      readonly kind: 'unknown-transaction';
      readonly tid: TransactionId;
      readonly question: Digest;
    }
  /** A replica that has started, or was cut off, asks for the receiver's inventory, a page at a time. */
  | {
      readonly kind: 'recover';
      /** Names the inventory that is meant: the one taken when the question first came. */
      readonly question: Digest;
      /** Entries that the asker has already. */
      readonly after: number;
      /** The asker may have lost its floors, or needs those of others. */
      readonly floors: boolean;
      /** The asker has lost its disk, may have voted in views up to this one, and asks the receiver to leave them. */
      readonly leave: View | null;
    }
  | Inventory;

/** One page of what a replica knows of, as it stood when the question first came to it: slots, then floors. */
export interface Inventory {
  readonly kind: 'inventory';
  readonly question: Digest;
  /** Entries before this page. */
  readonly after: number;
  /** No entries come after this page. */
  readonly last: boolean;
  /** The sender has been in no view above this one, and has asked for none. */
  readonly view: View;
  /** The view that the sender was in: it votes in none below it any more. */
  readonly entered: View;
  /** The sender has no memory itself: what it does not name it need not have forgotten. */
  readonly recovering: boolean;
  /** Slots in which it has voted, or could be asked to, and those of transactions that are not over. */
  readonly open: readonly Slot[];
  /** Decided slots of transactions that are over, of which it holds the proofs. Oldest first. */
  readonly finished: readonly Slot[];
  /** Up to where it has forgotten each client's transactions, in the order of the clients' ids; if asked for. */
  readonly floors: readonly FloorProof[];
}

/**
 * The signed requests of `f + 1` initiators that activated the last forgotten transaction of a client. So a
 * floor is the timestamp of a request that a correct initiator has received from the client, whichever replica shows it.
 */
export type FloorProof = readonly Signed<ActivationStatement>[];

/** A peer message all of whose signatures and certificates have been checked. */
export type VerifiedPeerMessage = Brand<
  { readonly from: ReplicaId; readonly message: PeerMessage },
  'VerifiedPeerMessage'
>;

export type VerifiedDecisionProof = Brand<DecisionProof, 'VerifiedDecisionProof'>;
export type VerifiedRecord =
  | Verified<RegistrationStatement>
  | Verified<VoteStatement>
  | Verified<CompletionStatement>
  | Verified<AcknowledgementStatement>;
