import { invariant, type StoredRecord } from '../../kernel/core.js';
import { decodeDecisionProof, encodeDecisionProof } from '../certificate.js';
import {
  type DecisionProof,
  type PhaseStatement,
  type Slot,
  type SlotKey,
  type SlotResult,
  sameResult,
  slotKey,
} from '../messages.js';
import { decidedKey, decidedSlot, ForgottenProofs } from './abstentions.js';
import type { OpenSlots } from './open-slots.js';
import type { AgreementHost, AgreementState } from './state.js';

export interface DecisionEvents {
  /** The slot stays open, and this replica wants it decided by a quorum. */
  want(slot: Slot): void;
  /** The primary works. */
  progressed(slot: SlotKey): void;
  /** The primary is not blamed for the slot any more. */
  settled(slot: SlotKey): void;
}

/** How slots were decided, the proofs of that on disk, and what is kept of them once they are forgotten. */
export class Decisions {
  readonly #state: AgreementState;
  readonly #host: AgreementHost;
  readonly #open: OpenSlots;
  readonly #events: DecisionEvents;
  readonly #forgotten: ForgottenProofs;

  constructor(state: AgreementState, host: AgreementHost, open: OpenSlots, events: DecisionEvents) {
    this.#state = state;
    this.#host = host;
    this.#open = open;
    this.#events = events;
    this.#forgotten = new ForgottenProofs(state.options.shownTransactions, (key, value) =>
      state.persist(key, value),
    );
  }

  resultOf(slot: Slot): SlotResult | undefined {
    const key = slotKey(slot);
    return this.#state.decided.get(key) ?? this.#state.slots.get(key)?.early?.result;
  }

  /** Whether its proof is on disk, for those that lack it; that of a decision in two steps alone aside. */
  isStored(key: SlotKey): boolean {
    return this.#state.decided.has(key) || this.#forgotten.has(key);
  }

  /** Takes back what was persisted. Returns the proofs of what is decided. */
  restore(records: readonly StoredRecord[]): DecisionProof[] {
    const { cluster } = this.#state.options;
    const proofs: DecisionProof[] = [];
    this.#forgotten.restore(records);
    for (const { key, value } of records) {
      const decided = decidedSlot(key);
      if (decided === undefined || this.#forgotten.has(decided)) continue;
      const proof = decodeDecisionProof(cluster, value);
      const { statement } = proof.commits;
      if (statement.phase === 'prepare') this.#openEarly(statement);
      else this.#state.decided.set(decided, statement.result);
      proofs.push(proof);
    }
    return proofs;
  }

  /** From this replica's own count or from anybody's proof. */
  onDecided(proof: DecisionProof): void {
    if (proof.commits.statement.phase === 'prepare') this.#decideEarly(proof);
    else this.#decide(proof);
  }

  /** Takes no part in the slot any more. Only for one that this replica's host refuses from now on. */
  forget(slot: Slot): void {
    const key = slotKey(slot);
    if (this.#state.decided.delete(key)) return this.#forgotten.add(key);
    const isEarly = this.#state.slots.get(key)?.early !== undefined;
    this.#close(key);
    this.#events.settled(key);
    if (isEarly) this.#forgotten.add(key);
  }

  /** The slot was decided in two steps: it stays open until a quorum has committed. */
  #openEarly(statement: PhaseStatement): boolean {
    this.#state.slotState(statement.slot);
    return this.#state.rules.decidedEarly(statement);
  }

  /** In two steps: the host may act on it. The slot is open until a quorum has committed, which binds later views. */
  #decideEarly(proof: DecisionProof): void {
    const { statement } = proof.commits;
    const { slot, result } = statement;
    const key = slotKey(slot);
    const known = this.resultOf(slot);
    if (known) return invariant(sameResult(known, result), 'a slot has one decision');
    const hadVote = this.#open.hasVoteIn(key);
    if (!hadVote && this.#host.isForgotten(proof.value)) return;
    if (!this.#host.knows(slot)) return this.#host.seek(slot);
    if (!this.#openEarly(statement)) return;
    this.#forgotten.learntAgain(key);
    this.#state.persistSigned(decidedKey(key), () => encodeDecisionProof(proof));
    this.#events.progressed(key);
    this.#host.closed(key);
    this.#host.decided(slot, proof, hadVote);
    // The transaction may be over by then, and forgotten.
    if (this.#state.slots.has(key)) this.#events.want(slot);
  }

  /** A quorum has committed. */
  #decide(proof: DecisionProof): void {
    const { slot, result } = proof.commits.statement;
    const key = slotKey(slot);
    const known = this.#state.decided.get(key);
    if (known) return invariant(sameResult(known, result), 'a slot has one decision');
    const hadVote = this.#open.hasVoteIn(key);
    const early = this.#state.slots.get(key)?.early;
    invariant(!early || sameResult(early.result, result), 'a slot has one decision');
    if (!hadVote && !early && this.#host.isForgotten(proof.value)) return;
    if (!this.#host.knows(slot)) return this.#host.seek(slot);
    this.#forgotten.learntAgain(key);
    this.#state.decided.set(key, result);
    this.#state.persistSigned(decidedKey(key), () => encodeDecisionProof(proof));
    this.#close(key);
    this.#events.progressed(key);
    if (!early) this.#host.decided(slot, proof, hadVote);
  }

  /** Drops what this replica has said of the slot. */
  #close(key: SlotKey): void {
    const state = this.#state.slots.get(key);
    this.#state.abstentions.ended(key);
    if (state?.wanted) this.#state.stopTimer({ kind: 'suspect', slot: key });
    this.#state.drop(key);
    this.#state.shown.delete(key);
  }
}
