import type { ActivationValue, Slot, SlotKey } from '../messages.js';
import { slotKey } from '../messages.js';
import type { ActivationStatement } from '../statements.js';
import { isStale, type SlotState } from './slot.js';
import type { AgreementHost, AgreementState } from './state.js';

/** What this replica knows of the slots that are not decided here, and has said in them. Changes nothing. */
export class OpenSlots {
  readonly #state: AgreementState;
  readonly #host: AgreementHost;

  constructor(state: AgreementState, host: AgreementHost) {
    this.#state = state;
    this.#host = host;
  }

  /**
   * Slots in which this replica has a vote or a lock, or which it wants and knows; and the outcome of a
   * transaction whose activation it is locked on, or bound to: others may have decided that, and gone on. It does not know a
   * transaction because late votes for the outcome make it ask.
   */
  *bound(): Generator<Slot> {
    for (const { slot, vote, lock, bond, wanted } of this.#state.slots.values()) {
      if (vote || lock || (wanted && this.#host.knows(slot))) yield slot;
      for (const said of [lock, bond]) {
        const result = said?.prePrepare.statement.result;
        if (result?.kind === 'activation') yield { kind: 'outcome', tid: result.tid };
      }
    }
  }

  /** Activations that this replica has long waited for in vain. */
  *staleActivations(): Generator<Slot> {
    for (const state of this.#state.slots.values()) {
      const isKnown = this.activationIn(state.slot) !== undefined;
      if (isKnown && isStale(state)) yield state.slot;
    }
  }

  /** What an activation slot is for, where this replica knows. */
  activationIn(slot: Slot): ActivationStatement | undefined {
    const state = this.#state.slots.get(slotKey(slot));
    return state && this.#requestsIn(state)?.[0]?.statement;
  }

  /**
   * Whether this replica has a vote or a lock in the slot. Then it has not forgotten the slot, whatever it has
   * forgotten of later ones: votes and locks go when it decides.
   */
  hasVoteIn(key: SlotKey): boolean {
    const state = this.#state.slots.get(key);
    return Boolean(state?.vote || state?.lock);
  }

  /** Whether this replica has forgotten its activation, or a later one of its client, since it opened. */
  isPast(state: SlotState): boolean {
    const requests = this.#requestsIn(state);
    if (!requests || this.#state.abstentions.covers(state.key)) return false;
    return this.areForgotten(requests);
  }

  /**
   * This replica can do no more for the slot, and votes in it no more, so its vote and its lock may go. But others
   * may have decided it: this replica asks them for a while.
   */
  mayStillLearn(state: SlotState): boolean {
    return this.hasVoteIn(state.key) && !isStale(state);
  }

  areForgotten(requests: ActivationValue['requests']): boolean {
    return this.#host.isForgotten({ kind: 'activation', requests, proposals: [] });
  }

  #requestsIn(state: SlotState): ActivationValue['requests'] | undefined {
    const { slot, requests } = state;
    const value = (state.lock ?? state.bond)?.value;
    const bound = value?.kind === 'activation' ? value.requests : undefined;
    return bound ?? requests ?? this.#host.requestsFor(slot);
  }
}
