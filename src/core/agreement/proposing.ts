import { activationResult } from '../../crypto/collective-uuid.js';
import { digestOfValue } from '../../crypto/digest.js';
import type {
  ActivationValue,
  PeerMessage,
  PhaseStatement,
  PreparedCertificate,
  SlotResult,
  SlotValue,
} from '../../vocabulary/agreement.js';
import type { Attempt, Digest } from '../../vocabulary/ids.js';
import type { Signed } from '../../vocabulary/statements.js';
import { invariant } from '../invariant.js';
import type { AgreementHost } from './host.js';
import type { SlotState } from './slot.js';
import { type AgreementState, ATTEMPTS_MAX } from './state.js';

export interface ProposingEvents {
  /** The proposals of UUIDs have to be gathered first. */
  gather(slot: SlotState, requests: ActivationValue['requests']): void;
  /** This replica, the primary, has voted for its own proposal. */
  proposed(slot: SlotState): void;
}

/** How a proposal is told to the backups. */
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
    if (slot.lock) return this.#proposeLocked(slot, slot.lock);
    if (slot.slot.kind === 'outcome') {
      const value = this.#host.outcomeFor(slot.slot);
      if (value) this.proposeValue(slot, value, inFull(value));
      return;
    }
    if (slot.accepted && this.#state.isOfThisView(slot.accepted.prePrepare.statement)) return;
    const requests = slot.requests ?? this.#host.requestsFor(slot.slot);
    if (!requests || this.#areForgotten(requests)) return;
    if (this.#host.hasRoom(slot.slot, requests)) this.#events.gather(slot, requests);
  }

  /** Only a vote keeps the slot: the others are not to open it again for this replica. */
  #areForgotten(requests: ActivationValue['requests']): boolean {
    return this.#host.isForgotten({ kind: 'activation', requests, proposals: [] });
  }

  /** Proposes the value at the next attempt, unless it stands proposed or a lock forbids it. */
  proposeValue(slot: SlotState, value: SlotValue, announce: Announce): void {
    const digest = digestOfValue(value);
    if (slot.isLockedOnOther(digest) || this.#stands(slot, digest)) return;
    if (this.#host.isForgotten(value)) return;
    const { view } = this.#state;
    const last = slot.vote?.ballot.view === view ? slot.vote.ballot.attempt : -1;
    const attempt = (last + 1) as Attempt;
    if (attempt >= ATTEMPTS_MAX) {
      this.#state.log('warn', 'attempts-exhausted', { slot: slot.key });
      return;
    }
    invariant(!this.#host.isForgotten(value), 'a proposal is of nothing forgotten');
    const prePrepare = this.#state.sign<PhaseStatement>({
      kind: 'phase',
      phase: 'pre-prepare',
      slot: slot.slot,
      ballot: { view, attempt },
      digest,
      result: resultOf(value),
    });
    this.#state.recordVote(slot, prePrepare.statement);
    slot.accepted = { prePrepare, value };
    this.#state.broadcast(announce(prePrepare));
    this.#events.proposed(slot);
  }

  /** Backups with another, lower lock change their minds only for this one. */
  #proposeLocked(slot: SlotState, lock: PreparedCertificate): void {
    const { digest } = lock.prePrepare.statement;
    if (this.#stands(slot, digest)) return;
    if (this.#state.shown.get(slot.key)?.prePrepare.statement.digest !== digest) {
      this.#state.broadcast({ kind: 'prepared', certificate: lock });
    }
    this.proposeValue(slot, lock.value, inFull(lock.value));
  }

  /** Whether it is what this replica proposed last in this view. After a restart it cannot tell. */
  #stands({ accepted }: SlotState, digest: Digest): boolean {
    const statement = accepted?.prePrepare.statement;
    return statement?.digest === digest && this.#state.isOfThisView(statement);
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
