import { sha256 } from '../../kernel/digest.js';
import type { Attempt, Digest, ReplicaId } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import {
  type ActivationValue,
  type OutcomeValue,
  type PeerMessage,
  type PhaseStatement,
  type PreparedCertificate,
  type Proposal,
  type Slot,
  type SlotResult,
  type SlotValue,
  sameResult,
  type UuidProposal,
} from '../messages.js';
import { digestOfSigned } from '../signing.js';
import type { ActivationStatement } from '../statements.js';
import { activationResult, digestOfValue } from '../values.js';
import type { SlotState } from './slot.js';
import { requestsIn, type Update } from './slot-steps.js';
import { type AgreementHost, type AgreementState, ATTEMPTS_MAX } from './state.js';

export interface ProposingEvents {
  /** The proposals of UUIDs have to be gathered first. */
  gather(slot: SlotState, requests: ActivationValue['requests']): void;
  /** This replica, the primary, has voted for its own proposal. */
  proposed(slot: SlotState): void;
  /** What has to be proposed again, as it may be decided. */
  standing(slot: SlotState): Proposal | undefined;
  /** A commit as it may stand at a first attempt (two steps). */
  closed(slot: SlotState, value: OutcomeValue): OutcomeValue | undefined;
}

/** The message that brings a proposal to the backups. */
export type Announce = (prePrepare: Signed<PhaseStatement>) => PeerMessage;

/** The primary's side: what to propose for a slot, and at which ballot. */
export class Proposer {
  readonly #state: AgreementState;
  readonly #host: AgreementHost;
  readonly #events: ProposingEvents;

  constructor(state: AgreementState, host: AgreementHost, events: ProposingEvents) {
    this.#state = state;
    this.#host = host;
    this.#events = events;
  }

  /** Does nothing in a backup, or while there is nothing (new) to propose. */
  propose(slot: SlotState): void {
    if (!this.#state.isPrimary || !this.#state.mayVote(slot)) return;
    const standing = this.#events.standing(slot);
    if (standing) return this.#proposeStanding(slot, standing);
    if (slot.slot.kind === 'outcome') {
      const value = this.#host.outcomeFor(slot.slot);
      if (value) this.#proposeOutcome(slot, value);
      return;
    }
    if (slot.acceptedInView) return;
    const requests = slot.requests ?? this.#host.requestsFor(slot.slot);
    if (!requests || this.#areForgotten(requests)) return;
    if (this.#host.hasRoom(slot.slot, requests)) this.#events.gather(slot, requests);
  }

  /** In two steps a commit waits until a quorum has closed the transaction: once, as that may not come to be. */
  #proposeOutcome(slot: SlotState, value: OutcomeValue): void {
    const isCommit = this.#state.isTwoStep && value.outcome === 'commit';
    const mayBeFirst = isCommit && this.#nextAttempt(slot) === 0;
    const closed = mayBeFirst ? this.#events.closed(slot, value) : undefined;
    if (mayBeFirst && !closed && slot.resends === 0) return;
    this.proposeValue(slot, closed ?? value, inFull(closed ?? value));
  }

  /** Only a vote keeps the slot: the others are not to open it again for this replica. */
  #areForgotten(requests: ActivationValue['requests']): boolean {
    return this.#host.isForgotten({ kind: 'activation', requests, proposals: [] });
  }

  /** Proposes the value at the next attempt, unless it stands proposed or a rule forbids it. */
  proposeValue(slot: SlotState, value: SlotValue, announce: Announce): void {
    const digest = digestOfValue(value);
    if (this.#stands(slot, digest)) return;
    const { view, rules } = this.#state;
    const isWitnessed = !this.#state.isTwoStep || rules.witnessedIn(value) === view;
    const attempt = Math.max(this.#nextAttempt(slot), isWitnessed ? 0 : 1) as Attempt;
    if (attempt >= ATTEMPTS_MAX) {
      this.#state.log('warn', 'attempts-exhausted', { slot: slot.key });
      return;
    }
    const prePrepare = this.#state.rules.prePrepare(
      { slot: slot.slot, ballot: { view, attempt }, digest, result: resultOf(value) },
      value,
    );
    if (prePrepare.kind === 'refused') return;
    slot.apply({ kind: 'accept', proposal: { prePrepare: prePrepare.signed, value } });
    this.#state.broadcast(announce(prePrepare.signed));
    this.#events.proposed(slot);
  }

  #nextAttempt({ vote }: SlotState): number {
    return vote?.ballot.view === this.#state.view ? vote.ballot.attempt + 1 : 0;
  }

  #proposeStanding(slot: SlotState, { prePrepare, value }: Proposal): void {
    const { digest } = prePrepare.statement;
    if (this.#stands(slot, digest)) return;
    if (slot.lock?.prePrepare.statement.digest === digest) this.#showLock(slot, slot.lock);
    this.proposeValue(slot, value, inFull(value));
  }

  /** Backups with another, lower lock change their minds only for this one. */
  #showLock({ key }: SlotState, lock: PreparedCertificate): void {
    const { digest } = lock.prePrepare.statement;
    if (this.#state.shown.get(key)?.prePrepare.statement.digest === digest) return;
    this.#state.broadcast({ kind: 'prepared', certificate: lock });
  }

  /** Whether it is what this replica proposed last in this view. After a restart it does not know. */
  #stands({ acceptedInView }: SlotState, digest: Digest): boolean {
    return acceptedInView?.prePrepare.statement.digest === digest;
  }
}

const inFull =
  (value: SlotValue): Announce =>
  (prePrepare) => ({ kind: 'pre-prepare', prePrepare, value });

function resultOf(value: SlotValue): SlotResult {
  return value.kind === 'activation'
    ? activationResult(value)
    : { kind: 'outcome', outcome: value.outcome };
}

/** What the gathering hands back to the agreement. */
export interface GatheringEvents {
  /** The primary has the proposals that it needs: the value is fixed. */
  propose(slot: SlotState, value: ActivationValue, announce: Announce): void;
  /** A backup has put the primary's value together. */
  proposed(slot: SlotState, proposal: Proposal): void;
  /** A correct request is known: the slot has to be decided. */
  want(slot: Slot): void;
  /** Whether it takes part in one more activation of this client now. */
  hasRoom(slot: Slot, requests: readonly Signed<ActivationStatement>[]): boolean;
  /** What binds this replica keeps it from a UUID of its own (two steps). */
  bound(slot: SlotState): void;
  /** Whether this replica has forgotten the activation: it takes no part in it. */
  isForgotten(requests: readonly Signed<ActivationStatement>[]): boolean;
}

/**
 * The two messages that an activation has beyond PBFT: every replica proposes a UUID of its own, the
 * primary chooses a quorum of them, and the transaction id is a hash over all (protocols.md 1.1).
 */
export class Gatherer {
  readonly #state: AgreementState;
  readonly #events: GatheringEvents;

  constructor(state: AgreementState, events: GatheringEvents) {
    this.#state = state;
    this.#events = events;
  }

  /** The primary opens the slot, or opens it again for backups that missed it. */
  start(slot: SlotState, requests: readonly Signed<ActivationStatement>[]): void {
    slot.apply({ kind: 'requests', requests });
    if (!this.#state.mayWitness(slot)) return;
    const proposal = this.#ownProposal(slot);
    this.#state.broadcast({ kind: 'activation-pre-prepare', requests, proposal });
    this.#chooseIfEnough(slot);
  }

  /** Zhao's ba-pre-prepare: a backup answers with its own UUID, to all. */
  onPrePrepare(
    from: ReplicaId,
    requests: readonly Signed<ActivationStatement>[],
    proposal: Signed<UuidProposal>,
  ): void {
    if (this.#events.isForgotten(requests)) return;
    const slot = this.#open(from, proposal.statement);
    if (!slot) return;
    if (!slot.lock && !this.#events.hasRoom(slot.slot, requests)) return;
    const repeated = slot.gathering.proposals.has(this.#state.self);
    slot.apply({ kind: 'requests', requests });
    slot.apply({ kind: 'uuid', proposal });
    if (this.#state.mayWitness(slot)) this.#reply(from, slot, repeated);
    else this.#events.bound(slot);
    this.#events.want(slot.slot);
    this.#assemble(slot);
  }

  #reply(primary: ReplicaId, slot: SlotState, repeated: boolean): void {
    const reply: PeerMessage = { kind: 'pre-prepare-reply', proposal: this.#ownProposal(slot) };
    if (repeated) this.#state.send(primary, reply);
    else this.#state.broadcast(reply);
  }

  /** Zhao's ba-pre-prepare-reply. */
  onReply(from: ReplicaId, proposal: Signed<UuidProposal>): void {
    const slot = this.#open(from, proposal.statement);
    if (!slot) return;
    slot.apply({ kind: 'uuid', proposal });
    if (this.#state.isPrimary) this.#chooseIfEnough(slot);
    else this.#assemble(slot);
  }

  /** Zhao's ba-pre-prepare-update. A backup that misses a reply asks for the whole value. */
  onUpdate(slot: SlotState, update: Update): void {
    slot.apply({ kind: 'update', update });
    if (!this.#assemble(slot)) {
      this.#state.send(this.#state.primary, { kind: 'fetch', slot: slot.slot });
    }
  }

  #open(from: ReplicaId, { slot, view }: UuidProposal): SlotState | undefined {
    return view === this.#state.view ? this.#state.slotState(slot, from) : undefined;
  }

  /** High in entropy, and the same when asked again in the same view. */
  #ownProposal(slot: SlotState): Signed<UuidProposal> {
    const known = slot.gathering.proposals.get(this.#state.self);
    if (known) return known;
    const { view } = this.#state;
    const { entropy } = this.#state.options;
    const label = new TextEncoder().encode(`uuid ${slot.key} ${view}`);
    const seed = new Uint8Array([...entropy, ...label]);
    const own = this.#state.sign<UuidProposal>({
      kind: 'proposal',
      slot: slot.slot,
      view,
      uuid: sha256(seed).slice(0, 32),
      replica: this.#state.self,
    });
    slot.apply({ kind: 'uuid', proposal: own });
    return own;
  }

  #chooseIfEnough(slot: SlotState): void {
    const { quorum } = this.#state;
    const requests = requestsIn(slot.gathering);
    if (!requests || slot.gathering.proposals.size < quorum || slot.acceptedInView) return;
    const own = slot.gathering.proposals.get(this.#state.self);
    if (!own) return;
    const others = [...slot.gathering.proposals.values()].filter((one) => one !== own);
    const chosen = [own, ...others.slice(0, quorum - 1)].sort(byReplica);
    const value: ActivationValue = { kind: 'activation', requests, proposals: chosen };
    this.#events.propose(slot, value, (prePrepare) => ({
      kind: 'pre-prepare-update',
      prePrepare,
      chosen: chosen.map((signed) => ({
        replica: signed.statement.replica,
        digest: digestOfSigned(signed),
      })),
    }));
  }

  /** Puts the value together from the replies at hand; false where they do not give it. */
  #assemble(slot: SlotState): boolean {
    if (slot.gathering.kind !== 'updated') return false;
    const { update, requests, proposals: known } = slot.gathering;
    const proposals: Signed<UuidProposal>[] = [];
    for (const { replica, digest } of update.chosen) {
      const proposal = known.get(replica);
      if (!proposal || digestOfSigned(proposal) !== digest) return false;
      proposals.push(proposal);
    }
    const value: ActivationValue = { kind: 'activation', requests, proposals };
    slot.apply({ kind: 'assemble' });
    if (!this.#says(update.prePrepare.statement, value)) {
      this.#state.log('warn', 'false-update', { slot: slot.key, primary: this.#state.primary });
      return false;
    }
    this.#events.proposed(slot, { prePrepare: update.prePrepare, value });
    return true;
  }

  /** Whether the primary's statement is about this value, and the value about a quorum. */
  #says(statement: PhaseStatement, value: ActivationValue): boolean {
    return (
      new Set(value.proposals.map((one) => one.statement.replica)).size === this.#state.quorum &&
      digestOfValue(value) === statement.digest &&
      sameResult(statement.result, activationResult(value))
    );
  }
}

function byReplica(a: Signed<UuidProposal>, b: Signed<UuidProposal>): number {
  return a.statement.replica - b.statement.replica;
}
