import { invariant, type StoredRecord } from '../../kernel/core.js';
import { type ReplicaId, unreachable, type View } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import {
  type ClosingStatement,
  compareBallots,
  type DecisionProof,
  type PeerMessage,
  type PreparedCertificate,
  type Slot,
  type SlotKey,
  type SlotResult,
  slotKey,
  type VerifiedPeerMessage,
} from '../messages.js';
import { Bonds } from './bonds.js';
import { Closings } from './closings.js';
import { Decisions } from './decisions.js';
import { OpenSlots } from './open-slots.js';
import { Gatherer, Proposer } from './proposing.js';
import { Retransmission } from './retransmission.js';
import { type Bonded, isLate, type SlotState } from './slot.js';
import {
  type AgreementHost,
  type AgreementOptions,
  type AgreementOutput,
  AgreementState,
} from './state.js';
import { type AgreementTimer, readTimer } from './timers.js';
import { ASKED, ViewChanger } from './view-change.js';
import { Voter } from './voting.js';

/** However long a slot has been undecided, a primary is blamed for it once in that time. */
const ONE_DAY_MS = 86_400_000;

/** The messages of the agreement; the rest of a peer message is the host's. */
export type AgreementMessage = Exclude<
  PeerMessage,
  {
    kind:
      | 'requests'
      | 'record'
      | 'fetch-transaction'
      | 'unknown-transaction'
      | 'recover'
      | 'inventory';
  }
>;

/**
 * PBFT for many independent slots in one view (Castro and Liskov; Zhao §4.1 and §4.3).
 *
 * Safety rests on three rules that every correct replica keeps, restarts included (`SafetyRules` holds them):
 *
 * 1. It votes (a pre-prepare or a prepare) once per ballot, at rising ballots only.
 * 2. It commits only at the ballot of its last vote, and only once it holds the prepared certificate
 *    of that ballot. That certificate is its lock; a lock gives way only to one of a higher ballot.
 * 3. While it holds a lock it votes for the locked value and no other.
 *
 * Say a quorum committed `v` at ballot `b`, and take the first certificate (in time) above `b` for
 * another value, at `b'`. Its quorum shares a correct replica with the one that committed. That one
 * committed before it voted at `b'` (rule 2), so then it held a lock at `b` or above, and voted for
 * the lock's value (rule 3): a certificate above `b` for another value that came earlier, or one at
 * `b` itself, which rule 1 excludes. So nothing but `v` is ever prepared above `b`. View changes only
 * have to spread locks; whatever a new primary shows or hides, they cannot break this.
 */
export class Agreement {
  /** What this replica knows of undecided slots. */
  readonly open: OpenSlots;
  readonly #state: AgreementState;
  readonly #host: AgreementHost;
  readonly #gatherer: Gatherer;
  readonly #proposer: Proposer;
  readonly #voter: Voter;
  readonly #views: ViewChanger;
  readonly #retransmission: Retransmission;
  readonly #bonds: Bonds;
  readonly #closings: Closings;
  readonly #decisions: Decisions;

  constructor(options: AgreementOptions, host: AgreementHost) {
    this.#state = new AgreementState(options, host);
    this.#host = host;
    this.open = new OpenSlots(this.#state, host);
    this.#decisions = new Decisions(this.#state, host, this.open, {
      want: (slot) => this.want(slot),
      progressed: (slot) => this.#views.progressed(slot),
      settled: (slot) => this.#views.settled(slot),
    });
    this.#bonds = new Bonds(this.#state);
    this.#closings = new Closings(this.#state, (slot) => host.closedWith(slot));
    this.#voter = new Voter(this.#state, host, {
      want: (slot) => this.want(slot),
      decide: (proof) => this.#decisions.onDecided(proof),
      bound: (slot) => this.#bonds.show(slot),
    });
    this.#proposer = new Proposer(this.#state, host, {
      gather: (slot, requests) => this.#gatherer.start(slot, requests),
      proposed: (slot) => this.#voter.checkPrepared(slot),
      standing: (slot) => this.#bonds.standing(slot),
      closed: (slot, value) => this.#closings.closed(slot, value),
    });
    this.#gatherer = new Gatherer(this.#state, {
      propose: (slot, value, announce) => this.#proposer.proposeValue(slot, value, announce),
      proposed: (slot, proposal) => this.#voter.onProposal(slot, proposal),
      want: (slot) => this.want(slot),
      bound: (slot) => this.#bonds.show(slot),
      isForgotten: (requests) => this.open.areForgotten(requests),
      hasRoom: (slot, requests) => this.#host.hasRoom(slot, requests),
    });
    this.#views = new ViewChanger(this.#state, {
      learn: (certificate) => this.#learn(certificate),
      entered: () => this.#onViewEntered(),
    });
    this.#retransmission = new Retransmission(this.#state, host, {
      propose: (slot) => this.#proposer.propose(slot),
      settled: (slot) => this.#views.settled(slot.key),
      show: (slot) => this.#showOwn(slot),
    });
  }

  get quorum(): number {
    return this.#state.quorum;
  }

  get view(): View {
    return this.#state.view;
  }

  /** This replica has been in no view above this one, and has asked for none. */
  get lastView(): View {
    return Math.max(this.#views.lastAsked, this.#state.abstentions.silentUpTo) as View;
  }

  get primary(): ReplicaId {
    return this.#state.primary;
  }

  /** Undecided slots, for metrics. */
  get openSlots(): number {
    return this.#state.slots.size;
  }

  /** Slots that were decided in two steps, and in which no quorum has committed yet. */
  get windows(): number {
    return this.#state.rules.windows;
  }

  /** Of the open slots those that are going on: this replica wants them decided, and they are not late. */
  get slotsUnderWay(): number {
    let count = 0;
    for (const slot of this.#state.slots.values()) if (slot.wanted && !isLate(slot)) count += 1;
    return count;
  }

  resultOf(slot: Slot): SlotResult | undefined {
    return this.#decisions.resultOf(slot);
  }

  /** Whether this replica has voted for some value of the slot, now or before a restart. */
  hasVoted(slot: Slot): boolean {
    const key = slotKey(slot);
    return this.#state.decided.has(key) || this.#state.slots.get(key)?.vote !== undefined;
  }

  /** Whether this replica may still learn how the slot was decided, whatever it has forgotten. */
  mayLearn(slot: Slot): boolean {
    return this.open.hasVoteIn(slotKey(slot));
  }

  /** Whether this replica has no memory, and does not know yet what it said before. */
  get isRecovering(): boolean {
    return this.#state.abstentions.isRecovering;
  }

  /** Slots that this replica takes no part in. */
  get abstentions(): Iterable<Slot> {
    return this.#state.abstentions.slots;
  }

  get abstaining(): number {
    return this.#state.abstentions.size;
  }

  /** Whether this replica may have spoken of the slot before it lost its memory. */
  abstains(slot: Slot): boolean {
    return this.#state.abstentions.covers(slotKey(slot));
  }

  /**
   * Enough others have named what they know of. `told` holds all slots in which this replica may have
   * voted, but for activations in views up to `lastView`, the last that it may have been in. In two steps those who
   * have named them vote in these views no more, and it may be in a later one by then.
   */
  recovered(told: Iterable<Slot>, lastView: View): void {
    const open = [...told].filter((slot) => !this.#state.decided.has(slotKey(slot)));
    const isPast = this.#state.isTwoStep && lastView < this.view;
    invariant(isPast || lastView >= this.view, 'it may have been in the view that it is in');
    this.#state.abstentions.recovered(open, lastView);
    for (const { slot } of [...this.#state.slots.values()]) {
      this.recheck(slot);
      this.#giveWay(slot);
    }
  }

  takeOutputs(): AgreementOutput[] {
    return this.#state.takeOutputs();
  }

  /** Takes back what was persisted. Returns the decided slots with their proofs. */
  restore(records: readonly StoredRecord[]): DecisionProof[] {
    this.#state.abstentions.restore(records);
    const proofs = this.#decisions.restore(records);
    const isDecided = (key: SlotKey) => this.#state.decided.has(key);
    for (const slot of this.#state.rules.restore(records, isDecided)) this.#state.slotState(slot);
    for (const { key, value } of records) {
      if (key === 'new-view') this.#views.restore(value);
      else if (key === ASKED) this.#views.restoreAsked(value);
    }
    return proofs;
  }

  /** After `restore`, once the host has taken its proofs: goes on with what was undecided. */
  resume(): void {
    for (const { slot } of [...this.#state.slots.values()]) this.want(slot);
  }

  /** This replica has a reason to see the slot decided: from now on it watches the primary. */
  want(slot: Slot): void {
    const state = this.#state.slotState(slot);
    if (!state || state.wanted) return;
    state.wanted = true;
    state.resends = 0;
    state.questions = 0;
    state.suspicions = 0;
    this.#watch(state);
    this.#retransmission.start(state);
    if (!this.#host.knows(slot)) this.#host.seek(slot);
    this.#proposer.propose(state);
    this.#giveWay(slot);
  }

  #blame(state: SlotState): void {
    state.suspicions += 1;
    this.#views.suspect(state.key);
  }

  /**
   * Where another replica lacks the slot, and one more says nothing of it, no primary can have it decided. That
   * one may be silent or have lost its memory, and this replica cannot know which. So it blames each primary later than
   * the one before: the slot waits no longer than a small multiple of what it has waited already.
   */
  #watch({ key, slot, suspicions }: SlotState): void {
    const doublings = this.#host.isLackedElsewhere(slot) ? suspicions : 0;
    const delayMs = Math.min(this.#views.suspectAfterMs * 2 ** doublings, ONE_DAY_MS);
    this.#state.startTimer({ kind: 'suspect', slot: key }, delayMs);
  }

  /** The host knows more than before: a held proposal may be judged, or a better one be made. */
  recheck(slot: Slot): void {
    const state = this.#state.slots.get(slotKey(slot));
    if (!state) return;
    if (state.held) this.#voter.onProposal(state, state.held);
    if (this.#state.slots.has(state.key) && state.wanted) this.#proposer.propose(state);
  }

  /** Takes no part in the slot any more. Only for one that this replica's host refuses from now on. */
  forget(slot: Slot): void {
    this.#decisions.forget(slot);
  }

  /** The host has closed the transaction, perhaps with more registrations than before (two steps). */
  closed(slot: Slot): void {
    const state = this.#state.slotState(slot);
    if (!state) return;
    this.#closings.show(state);
    if (state.wanted) this.#proposer.propose(state);
  }

  /** Of a slot in which something of this replica may matter to the primary of a later view (two steps). */
  #showOwn(state: SlotState): void {
    if (!this.#state.isTwoStep) return;
    this.#bonds.show(state);
    this.#closings.show(state);
  }

  onPeerUp(replica: ReplicaId): void {
    this.#views.greet(replica);
  }

  /** The replica has lost its disk, and may have voted in views up to that one (two steps). */
  leave(replica: ReplicaId, upTo: View): void {
    if (this.#state.isTwoStep) this.#views.leave(replica, upTo);
  }

  /** Returns false where the timer is not the agreement's. */
  onTimer(name: string): boolean {
    const timer = readTimer(name);
    if (timer) this.#ranOut(timer);
    return timer !== undefined;
  }

  #ranOut(timer: AgreementTimer): void {
    switch (timer.kind) {
      case 'suspect':
      case 'resend': {
        const slot = this.#state.slots.get(timer.slot);
        return slot && this.#onSlotTimer(timer.kind, slot);
      }
      case 'pace':
        return this.#state.pace.onTimer();
      case 'resend-view-change':
      case 'new-view':
      case 'forget-view-change':
      case 'leave':
        return this.#views.onTimer(timer);
      default:
        return unreachable(timer);
    }
  }

  #onSlotTimer(kind: 'suspect' | 'resend', slot: SlotState): void {
    const isPast = this.open.isPast(slot);
    if (isPast && !this.open.mayStillLearn(slot)) this.forget(slot.slot);
    else if (kind === 'suspect') {
      if (!isPast && this.#retransmission.hasGrounds(slot)) this.#blame(slot);
      this.#watch(slot);
    } else if (slot.wanted) {
      this.#retransmission.again(slot);
    } else {
      this.#retransmission.dropIfPast(slot);
    }
  }

  /**
   * Whether a message can still make a difference. Asked before its signatures are checked, so it may
   * say no, and never more than that: the votes that a quorum was reached without are a third of all.
   */
  needs(message: PeerMessage): boolean {
    if (message.kind !== 'phase') return true;
    const { slot, phase, ballot } = message.signed.statement;
    const key = slotKey(slot);
    if (this.#state.decided.has(key)) return false;
    if (phase !== 'prepare') return true;
    const isOpen = this.#state.slots.get(key)?.early === undefined;
    if (isOpen && this.#state.rules.isFast(message.signed.statement)) return true;
    const own = this.#state.slots.get(key)?.commits.of(this.#state.self);
    return own === undefined || compareBallots(own.statement.ballot, ballot) < 0;
  }

  onMessage({ from }: VerifiedPeerMessage, message: AgreementMessage): void {
    switch (message.kind) {
      case 'activation-pre-prepare':
        return this.#gatherer.onPrePrepare(from, message.requests, message.proposal);
      case 'pre-prepare-reply':
        return this.#gatherer.onReply(from, message.proposal);
      case 'pre-prepare-update': {
        if (!this.#voter.isCurrent(message.prePrepare.statement)) return;
        const slot = this.#state.slotState(message.prePrepare.statement.slot, from);
        return slot && this.#gatherer.onUpdate(slot, message);
      }
      case 'pre-prepare': {
        const slot = this.#state.slotState(message.prePrepare.statement.slot, from);
        return slot && this.#voter.onProposal(slot, message);
      }
      case 'phase': {
        const slot = this.#state.slotState(message.signed.statement.slot, from);
        return slot && this.#voter.onPhase(from, slot, message.signed);
      }
      case 'view-change':
        return this.#views.onViewChange(from, message.viewChange);
      case 'new-view':
        return this.#views.onNewView(message.newView);
      case 'prepared':
        return this.#onLock(message.certificate);
      case 'decided':
        return this.#decisions.onDecided(message.proof);
      case 'closing':
        return this.#onClosing(from, message.signed);
      case 'bonded':
        return this.#onBonded(from, message);
      case 'fetch':
        return this.#onFetch(from, message.slot);
    }
  }

  #onClosing(from: ReplicaId, signed: Signed<ClosingStatement>): void {
    const slot: Slot = { kind: 'outcome', tid: signed.statement.tid };
    const state = this.#host.knows(slot) ? this.#state.slotState(slot, from) : undefined;
    if (!state || !this.#state.isPrimary) return;
    this.#closings.onClosing(from, state, signed);
    if (state.wanted) this.#proposer.propose(state);
  }

  #onBonded(from: ReplicaId, bonded: Bonded): void {
    const { slot, proposal } = bonded;
    if (this.#state.decided.has(slotKey(slot))) return this.#state.sendProof(from, slot);
    if (proposal && this.#host.isForgotten(proposal.value)) return;
    if (!this.#host.knows(slot)) return this.#host.seek(slot);
    const state = this.#state.slotState(slot, from);
    if (!state || !this.#bonds.onBonded(from, state, bonded)) return;
    if (proposal) this.want(slot);
    this.recheck(slot);
  }

  // Locks of others, and what others missed --------------------------------------------------------

  /** A lock of another replica: the primary proposes it, everybody shows it in a view change. */
  #onLock(certificate: PreparedCertificate): void {
    const { slot } = certificate.prePrepare.statement;
    if (this.#host.isForgotten(certificate.value)) return;
    if (!this.#host.knows(slot)) return this.#host.seek(slot);
    this.#learn(certificate);
    this.want(slot);
    this.recheck(slot);
  }

  /**
   * Nothing is kept of transactions that are not known here, so that old locks cannot fill memory. A
   * lock that is kept is looked into: the slot may be decided everywhere else, and nobody says so.
   */
  #learn(certificate: PreparedCertificate): void {
    const { slot } = certificate.prePrepare.statement;
    if (this.#host.isForgotten(certificate.value)) return;
    const state = this.#host.knows(slot) ? this.#state.slotState(slot) : undefined;
    if (state && this.#state.rules.lock(certificate)) this.want(slot);
  }

  #onFetch(from: ReplicaId, slot: Slot): void {
    const key = slotKey(slot);
    const state = this.#state.slots.get(key);
    const isStored = this.#decisions.isStored(key);
    if (isStored || state?.early) this.#state.sendProof(from, slot);
    if (isStored) return;
    const accepted = state?.accepted;
    if (accepted) this.#state.send(from, { kind: 'pre-prepare', ...accepted });
  }

  #onViewEntered(): void {
    for (const { prePrepare, value } of [...this.#state.shown.values()]) {
      const { slot } = prePrepare.statement;
      if (this.#host.knows(slot) && !this.#host.isForgotten(value)) this.want(slot);
    }
    for (const slot of [...this.#state.slots.values()]) {
      slot.resends = 0;
      if (!slot.wanted) this.#showOwn(slot);
      if (slot.vote) this.#retransmission.dropIfPast(slot);
      if (!slot.wanted) continue;
      this.#watch(slot);
      this.#retransmission.start(slot);
      this.#retransmission.handOver(slot);
      this.#proposer.propose(slot);
      this.#giveWay(slot.slot);
    }
  }

  /** A primary that must not vote in a slot cannot lead it. The next one may. */
  #giveWay(slot: Slot): void {
    const state = this.#state.slots.get(slotKey(slot));
    if (!state?.wanted || !this.#state.isPrimary) return;
    if (!this.isRecovering && !this.#state.mayVote(state)) this.#views.suspect(state.key);
  }
}
