import type {
  ActivationValue,
  DecisionProof,
  OutcomeValue,
  PeerMessage,
  Slot,
  SlotKey,
  SlotValue,
  VerifiedRecord,
} from '../../vocabulary/agreement.js';
import type { ReplicaId } from '../../vocabulary/ids.js';
import type { ActivationStatement, Signed } from '../../vocabulary/statements.js';
import type { CommonOutput } from '../effects.js';

/** `later`: not acceptable yet, judge again when the host calls `recheck`. */
export type Verdict =
  | { readonly verdict: 'accept' }
  | { readonly verdict: 'later'; readonly why: string }
  | { readonly verdict: 'refuse'; readonly why: string };

/**
 * Who else is for a proposal. `backed`: `f + 1` others have voted for it at this ballot, so a correct one found it
 * acceptable. `insisted`: that, and it comes again although this replica has shown what it lacks.
 */
export type Backing = 'none' | 'backed' | 'insisted';

/** What the agreement asks of the transaction service that it serves. */
export interface AgreementHost {
  /** `f + 1` matching activation requests for an activation slot, or undefined without them. */
  requestsFor(slot: Slot): readonly Signed<ActivationStatement>[] | undefined;
  /** The outcome that this replica would propose now; undefined while there is no reason for one. */
  outcomeFor(slot: Slot): OutcomeValue | undefined;
  /** Whether a value whose signatures are good is acceptable to this replica. */
  judge(slot: Slot, value: SlotValue, backing: Backing): Verdict;
  /**
   * Whether there is room for what the open slot is to become. It has a place from then on, until the slot is
   * `closed`; where there is none, `recheck` comes when there is.
   */
  hasRoom(slot: Slot, requests: ActivationValue['requests']): boolean;
  /** Whether a correct primary may have no room for the activation. */
  isRoomTight(requests: ActivationValue['requests']): boolean;
  /** The slot is open no more: it was decided or dropped. */
  closed(key: SlotKey): void;
  /** A proposal is not accepted, for the first time: hand on what its primary may lack. */
  notAccepted(slot: Slot, value: SlotValue): void;
  /** Whether a decision of the slot could be acted on: the transaction is on record here. */
  knows(slot: Slot): boolean;
  /** Asks the others for what is missing to know the slot; calls `recheck` when it is there. */
  seek(slot: Slot): void;
  /** Signed records that the primary may lack to make its proposal. */
  evidenceFor(slot: Slot): readonly VerifiedRecord[];
  /** Whether the value is of an activation that this replica has forgotten: it takes no part in that. */
  isForgotten(value: SlotValue): boolean;
  /** A slot has been undecided for long, whatever this replica did. */
  undecidedForLong(): void;
  /** Whether so many others have forgotten it that it is no use to wait for a decision. */
  isLeftBehind(slot: Slot): boolean;
  /** Whether any other has no record of it: so few may be left that a decision takes every one of them. */
  isLackedElsewhere(slot: Slot): boolean;
  /** `hadVote`: this replica had a vote or a lock in the slot until now. */
  decided(slot: Slot, proof: DecisionProof, hadVote: boolean): void;
}

export type AgreementOutput =
  | CommonOutput
  | { readonly kind: 'send'; readonly to: ReplicaId; readonly message: PeerMessage }
  /** To every other replica. */
  | { readonly kind: 'broadcast'; readonly message: PeerMessage }
  /** Send the stored decision of the slot to a replica, as a `decided` message. */
  | { readonly kind: 'send-proof'; readonly to: ReplicaId; readonly slot: Slot };
