import { resendDelayMs } from '../../kernel/core.js';
import { type PreparedCertificate, slotKey } from '../messages.js';
import { isStale, type SlotState } from './slot.js';
import type { AgreementHost, AgreementState } from './state.js';

export interface RetransmissionActions {
  /** As primary: makes a proposal if there is one to make. */
  readonly propose: (slot: SlotState) => void;
  /** The primary is not to blame for the slot. */
  readonly settled: (slot: SlotState) => void;
  /** Says what binds this replica, and with what it has closed a transaction (two steps). */
  readonly show: (slot: SlotState) => void;
}

/** What is said again of an undecided slot, as any message may be lost, and what a primary may lack. */
export class Retransmission {
  readonly #state: AgreementState;
  readonly #host: AgreementHost;
  readonly #actions: RetransmissionActions;

  constructor(state: AgreementState, host: AgreementHost, actions: RetransmissionActions) {
    this.#state = state;
    this.#host = host;
    this.#actions = actions;
  }

  /** Gives the primary what it may lack to propose: locks, requests, records. */
  handOver(slot: SlotState): void {
    this.#actions.show(slot);
    if (this.#state.isPrimary) return;
    const { primary } = this.#state;
    if (slot.lock && !this.#isShown(slot.lock)) {
      this.#state.send(primary, { kind: 'prepared', certificate: slot.lock });
    }
    const requests = slot.requests ?? this.#host.requestsFor(slot.slot);
    if (requests) this.#state.send(primary, { kind: 'requests', requests });
    for (const record of this.#host.evidenceFor(slot.slot)) {
      this.#state.send(primary, { kind: 'record', record });
    }
  }

  #isShown({ prePrepare }: PreparedCertificate): boolean {
    const { slot, digest } = prePrepare.statement;
    return this.#state.shown.get(slotKey(slot))?.prePrepare.statement.digest === digest;
  }

  /** Whether the primary is to blame: this replica can help with the slot, and a quorum can decide it. */
  hasGrounds(slot: SlotState): boolean {
    if (this.#mayLackRoom(slot)) return false;
    return this.#hasMeans(slot) && !this.#host.isLeftBehind(slot.slot);
  }

  /** Then a correct primary proposes it, and the others vote for it, later. What is locked has had its place. */
  #mayLackRoom({ slot, lock, requests }: SlotState): boolean {
    if (lock || slot.kind === 'outcome') return false;
    const asked = requests ?? this.#host.requestsFor(slot);
    return asked !== undefined && this.#host.isRoomTight(asked);
  }

  /**
   * Whether this replica has what it takes to have the slot decided. A vote alone, read back after a
   * restart, is not enough: perhaps nobody knows any more for what it was, and the client has given its
   * request up. Nor are the votes of others for the outcome of a transaction that is not on record here:
   * perhaps this replica has forgotten it, and they came late.
   */
  #hasMeans({ slot, lock, bond, accepted, requests }: SlotState): boolean {
    if (slot.kind === 'outcome') return this.#host.knows(slot);
    return Boolean(lock || bond || accepted || requests || this.#host.requestsFor(slot));
  }

  /** Nobody answers. A request or a proposal makes the slot wanted again. */
  #giveUp(slot: SlotState): void {
    slot.wanted = false;
    this.#state.stopTimer({ kind: 'suspect', slot: slot.key });
    this.dropIfPast(slot);
  }

  /**
   * Drops a slot that is given up, unless this replica has said something in it that it has to remember.
   */
  dropIfPast({ key, slot, wanted }: SlotState): void {
    if (wanted || this.#state.rules.isBoundIn(slot, this.#state.view)) return;
    this.#state.drop(key);
  }

  /** Until `again`, which says the same at ever longer intervals. */
  start(slot: SlotState): void {
    const { resendAfterMs } = this.#state.options;
    const delayMs = resendDelayMs(2 * resendAfterMs, slot.resends);
    this.#state.startTimer({ kind: 'resend', slot: slot.key }, delayMs);
  }

  /** Says again what was said last for the slot, and asks whether others know more. */
  again(slot: SlotState): void {
    slot.resends += 1;
    slot.questions += 1;
    if (isStale(slot)) {
      this.#host.undecidedForLong();
      if (!this.hasGrounds(slot)) {
        this.#actions.settled(slot);
        // The timers of an activation look for a floor that has passed it.
        const isKept = slot.slot.kind === 'activation' && this.#hasMeans(slot);
        if (!isKept) return this.#giveUp(slot);
      }
    }
    const { acceptedInView } = slot;
    if (acceptedInView && this.#state.isPrimary) {
      this.#state.broadcast({ kind: 'pre-prepare', ...acceptedInView });
    } else {
      this.#actions.propose(slot);
    }
    for (const votes of [slot.prepares, slot.commits]) {
      const own = votes.of(this.#state.self);
      if (own) this.#state.broadcast({ kind: 'phase', signed: own });
    }
    this.handOver(slot);
    this.#state.broadcast({ kind: 'fetch', slot: slot.slot });
    this.start(slot);
  }
}
