import type { AgreementName } from '../../kernel/cluster.js';
import { type CommonOutput, type LogLevel, persistSigned } from '../../kernel/core.js';
import {
  type ClusterId,
  type Digest,
  primaryOf,
  quorum,
  type ReplicaId,
  type Resilience,
  type View,
} from '../../kernel/ids.js';
import type { Sign } from '../../kernel/keys.js';
import type { Signed } from '../../kernel/signed.js';
import {
  type ActivationValue,
  type DecisionProof,
  type OutcomeValue,
  type PeerMessage,
  type PhaseStatement,
  type PreparedCertificate,
  type Slot,
  type SlotKey,
  type SlotResult,
  type SlotValue,
  slotKey,
  type VerifiedRecord,
} from '../messages.js';
import { type AnyStatement, signStatement } from '../signing.js';
import type { ActivationStatement } from '../statements.js';
import { Abstentions } from './abstentions.js';
import { Pace } from './pace.js';
import { SafetyRules } from './safety-rules.js';
import { SlotState } from './slot.js';
import { type AgreementTimer, startTimer, stopTimer } from './timers.js';

export interface AgreementOptions {
  readonly cluster: ClusterId;
  readonly resilience: Resilience;
  readonly agreement: AgreementName;
  readonly self: ReplicaId;
  readonly suspectAfterMs: number;
  readonly resendAfterMs: number;
  /** Forgotten transactions whose proofs this replica still shows to peers. */
  readonly shownTransactions: number;
  /** Secret, at least 32 random bytes made when the process starts: the source of UUID proposals. */
  readonly entropy: Uint8Array;
  readonly sign: Sign;
}

/** Proposals that a primary may make for one slot in one view. Each but the first must mend one. */
export const ATTEMPTS_MAX = 64;
/**
 * Slots that are open here only because one peer spoke of them; its oldest gives way. A correct peer's
 * are soon wanted here too, and what was dropped comes again with the peer's retransmission.
 */
const SLOTS_OPENED_BY_ONE_PEER_MAX = 256;
/** Such a slot is dropped after so many delays of a retransmission, unless this replica wants it by then. */
const UNWANTED_FOR_DELAYS = 20;

/** What the parts of the agreement share. It signs all but the phases of a slot: these `SafetyRules` signs. */
export class AgreementState {
  readonly options: AgreementOptions;
  readonly quorum: number;
  readonly slots = new Map<SlotKey, SlotState>();
  readonly decided = new Map<SlotKey, SlotResult>();
  readonly pace: Pace;
  readonly abstentions = new Abstentions((key, value) => this.persist(key, value));
  readonly rules: SafetyRules;
  /** The highest locks in this view's new-view message: everybody in the view has seen them. */
  shown = new Map<SlotKey, PreparedCertificate>();
  readonly #host: Pick<AgreementHost, 'closed' | 'isForgotten'>;
  #view = 0 as View;
  readonly #openedBy = new Map<ReplicaId, Set<SlotKey>>();
  #outputs: AgreementOutput[] = [];

  constructor(options: AgreementOptions, host: Pick<AgreementHost, 'closed' | 'isForgotten'>) {
    this.options = options;
    this.#host = host;
    this.rules = new SafetyRules({
      cluster: options.cluster,
      agreement: options.agreement,
      sign: options.sign,
      persist: (key, value) => this.persist(key, value),
      persistSigned: (key, encode) => this.persistSigned(key, encode),
      mayVote: (slot, view) => this.abstentions.mayVote(slot, view),
      isForgotten: (value) => host.isForgotten(value),
    });
    this.quorum = quorum(options.resilience);
    this.pace = new Pace({
      delayMs: options.resendAfterMs,
      startTimer: (timer, delayMs) => this.startTimer(timer, delayMs),
    });
  }

  get view(): View {
    return this.#view;
  }

  /** What each slot has of the earlier view is past. */
  enterView(view: View): void {
    this.#view = view;
    for (const slot of this.slots.values()) slot.apply({ kind: 'enter-view' });
  }

  get self(): ReplicaId {
    return this.options.self;
  }

  get primary(): ReplicaId {
    return primaryOf(this.options.resilience, this.view);
  }

  get isPrimary(): boolean {
    return this.primary === this.self;
  }

  sign<S extends Exclude<AnyStatement, PhaseStatement>>(statement: S): Signed<S> {
    return signStatement(this.options.sign, this.options.cluster, statement);
  }

  isOfThisView({ ballot }: PhaseStatement): boolean {
    return ballot.view === this.view;
  }

  /** Whether this replica can be sure that its vote contradicts none that it cast before. */
  mayVote({ slot }: SlotState): boolean {
    return this.abstentions.mayVote(slot, this.view);
  }

  get isTwoStep(): boolean {
    return this.options.agreement === 'two-step';
  }

  /**
   * Whether this replica may state that nothing of earlier views binds it in the slot. (In three phases that statement is
   * worth nothing, and a UUID is no such one.) One that has lost its disk knows what it may vote in.
   */
  mayWitness(slot: SlotState): boolean {
    if (!this.isTwoStep) return true;
    const { lock, bond, early } = slot;
    return this.mayVote(slot) && !lock && !bond && !early;
  }

  /** The slot's state, new where need be; undefined where it is decided. */
  slotState(slot: Slot, openedBy?: ReplicaId): SlotState | undefined {
    const key = slotKey(slot);
    if (this.decided.has(key)) return undefined;
    const known = this.slots.get(key);
    if (known) return known;
    const state = new SlotState(slot, this.rules.open(key));
    this.slots.set(key, state);
    if (openedBy === undefined) return state;
    this.#limitOpenedBy(openedBy, key);
    const delayMs = UNWANTED_FOR_DELAYS * this.options.resendAfterMs;
    this.startTimer({ kind: 'resend', slot: key }, delayMs);
    return state;
  }

  /** The slot is open no more, and what this replica has said in it goes. */
  drop(key: SlotKey): void {
    if (!this.slots.delete(key)) return;
    this.stopTimer({ kind: 'resend', slot: key });
    this.rules.close(key);
    this.#host.closed(key);
  }

  broadcast(message: PeerMessage): void {
    this.#outputs.push({ kind: 'broadcast', message });
  }

  send(to: ReplicaId, message: PeerMessage): void {
    if (to !== this.self) this.#outputs.push({ kind: 'send', to, message });
  }

  sendProof(to: ReplicaId, slot: Slot): void {
    this.#outputs.push({ kind: 'send-proof', to, slot });
  }

  persist(key: string, value: Uint8Array | null): void {
    this.#outputs.push({ kind: 'persist', key, value });
  }

  /** The same, made when it is written: what it has of this replica's signatures is signed with what else leaves then. */
  persistSigned(key: string, encode: () => Uint8Array): void {
    this.#outputs.push(persistSigned(key, encode));
  }

  startTimer(timer: AgreementTimer, delayMs: number): void {
    this.#outputs.push(startTimer(timer, delayMs));
  }

  stopTimer(timer: AgreementTimer): void {
    this.#outputs.push(stopTimer(timer));
  }

  log(level: LogLevel, event: string, data: object): void {
    this.#outputs.push({ kind: 'log', level, event, data: { view: this.view, ...data } });
  }

  takeOutputs(): AgreementOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #limitOpenedBy(peer: ReplicaId, opened: SlotKey): void {
    const keys = (this.#openedBy.get(peer) ?? new Set()).add(opened);
    this.#openedBy.set(peer, keys);
    const [oldest] = keys;
    if (keys.size <= SLOTS_OPENED_BY_ONE_PEER_MAX || oldest === undefined) return;
    keys.delete(oldest);
    const slot = this.slots.get(oldest);
    if (slot && !slot.wanted && !slot.vote && !slot.lock) this.drop(oldest);
  }
}

/** `later`: not acceptable yet, judge again when the host calls `recheck`. */
export type ProposalVerdict =
  | { readonly verdict: 'accept' }
  | { readonly verdict: 'later'; readonly why: string }
  | { readonly verdict: 'refuse'; readonly why: string };

/**
 * Which others are for a proposal. `backed`: `f + 1` others have voted for it at this ballot, so a correct one found it
 * acceptable. `insisted`: that, and it comes again although this replica has shown what it lacks.
 */
export type Backing = 'none' | 'backed' | 'insisted';

/** What the agreement asks of the transaction service that it serves. */
export interface AgreementHost {
  /** With which enlistments this replica has closed the transaction for good (two steps); undefined where it has not. */
  closedWith(slot: Slot): Digest | undefined;
  /** `f + 1` matching activation requests for an activation slot, or undefined without them. */
  requestsFor(slot: Slot): readonly Signed<ActivationStatement>[] | undefined;
  /** The outcome that this replica would propose now; undefined while there is no reason for one. */
  outcomeFor(slot: Slot): OutcomeValue | undefined;
  /** Whether a value whose signatures are good is acceptable to this replica. */
  judge(slot: Slot, value: SlotValue, backing: Backing): ProposalVerdict;
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
