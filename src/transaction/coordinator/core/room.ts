import {
  type OutcomeValue,
  type Slot,
  type SlotKey,
  slotKey,
} from '../../../agreement/messages.js';
import type { ClientId, ParticipantId, TransactionId } from '../../../kernel/ids.js';
import type { Floors } from './floors.js';
import type { CoordinatorTransaction, EnlistedParticipant } from './transaction.js';
import type { Undecided } from './transaction-log.js';

/** Undecided transactions at the same time; activation is refused above it. */
const UNDECIDED_MAX = 4096;
/** Slots that were decided in two steps and stay open until a quorum has committed: two of each transaction. */
const WINDOWS_MAX = 8192;
/** Of one client's principal, all lanes together: a quarter, so that four together still leave others room. */
const UNDECIDED_OF_ONE_PRINCIPAL_MAX = 1000;
/** Lanes of one principal of which something is kept for ever; with the requests that show it 5 MB where `f` is 1. */
const LANES_OF_ONE_PRINCIPAL_MAX = 10_000;
/**
 * A backup takes so many more of each: what a correct primary knows to be decided may be on its way to the backup. The
 * backup blames no primary from so many below the bounds on.
 */
const BACKUP_SLACK_MAX = 64;
/** Activations that wait for a place here; the oldest waits for the primary to say it again. */
const WAITING_FOR_ROOM_MAX = 256;

interface Waiting {
  readonly slot: Slot;
  readonly client: ClientId;
  readonly slack: number;
}

/**
 * Whether there is room for one more activation: judged when its request comes, before the primary proposes it, and
 * by each backup before it takes any part. So a liar primary cannot let one client take the others' places.
 */
export class Room {
  readonly #undecided: Undecided;
  readonly #floors: Floors;
  readonly #windows: () => number;
  #isFreed = false;
  readonly #waiting = new Map<SlotKey, Waiting>();

  constructor(undecided: Undecided, floors: Floors, windows: () => number) {
    this.#undecided = undecided;
    this.#floors = floors;
    this.#windows = windows;
  }

  /** Why a request is refused; undefined where it has a place, or there is one. */
  refusal(slot: Slot, client: ClientId): string | undefined {
    return this.#undecided.has(slotKey(slot)) ? undefined : this.#lack(client, 0);
  }

  /** Takes a place for an open slot, if there is one. Returns what is lacking. */
  take(slot: Slot, client: ClientId, isPrimary: boolean): string | undefined {
    const key = slotKey(slot);
    const slack = isPrimary ? 0 : BACKUP_SLACK_MAX;
    const lack = this.#undecided.has(key) ? undefined : this.#lack(client, slack);
    if (lack === undefined) this.#undecided.expected(key, client);
    else this.#wait(key, { slot, client, slack });
    return lack;
  }

  /** The slot of an activation is open no more: a transaction takes its place, or none does. Or a window is shut. */
  closed(key: SlotKey): void {
    this.#undecided.ended(key);
    this.#isFreed = true;
    this.#waiting.delete(key);
  }

  /** So little that a correct primary may have no room. */
  isTight(client: ClientId): boolean {
    return this.#lack(client, -BACKUP_SLACK_MAX) !== undefined;
  }

  /** Activations that waited, and for which there is a place now. */
  takeReady(): readonly Slot[] {
    const isFreed = this.#undecided.takeFreed() || this.#isFreed;
    this.#isFreed = false;
    if (!isFreed || this.#waiting.size === 0) return [];
    const ready = [...this.#waiting.values()].filter(
      ({ client, slack }) => this.#lack(client, slack) === undefined,
    );
    for (const { slot } of ready) this.#waiting.delete(slotKey(slot));
    return ready.map(({ slot }) => slot);
  }

  #lack(client: ClientId, slack: number): string | undefined {
    const lanes = this.#floors.has(client) ? 0 : this.#floors.lanesOf(client);
    if (lanes >= LANES_OF_ONE_PRINCIPAL_MAX + slack) return 'too many lanes of this client';
    const { all, own } = this.#undecided.of(client);
    if (own >= UNDECIDED_OF_ONE_PRINCIPAL_MAX + slack) {
      return 'too many open transactions of this client';
    }
    if (all >= UNDECIDED_MAX + slack) return 'too many open transactions';
    const isFull = this.#windows() >= WINDOWS_MAX + slack;
    return isFull ? 'too many decisions that no quorum has committed' : undefined;
  }

  #wait(key: SlotKey, waiting: Waiting): void {
    this.#waiting.delete(key);
    this.#waiting.set(key, waiting);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > WAITING_FOR_ROOM_MAX && oldest !== undefined) {
      this.#waiting.delete(oldest);
    }
  }
}

/**
 * What participants owe this replica: the decided transactions in which they voted Prepared, and whose
 * outcome they have not acknowledged. Such a transaction stays on record, so a participant that owes
 * `limit` of them registers in no further one. Only that participant notices.
 */
export class Debts {
  readonly limit: number;
  readonly #owed = new Map<ParticipantId, Set<TransactionId>>();

  constructor(limit: number) {
    this.limit = limit;
  }

  isAtLimit(participant: ParticipantId): boolean {
    return (this.#owed.get(participant)?.size ?? 0) >= this.limit;
  }

  /**
   * Whether the value would have a participant owe more than the limit, by the vote of an enlistment that does not
   * count here.
   */
  isExceededBy({ records }: OutcomeValue, { enlistments }: CoordinatorTransaction): boolean {
    return records.some(({ registration, vote }) => {
      const { enlistment, participant } = registration.statement;
      if (vote?.statement.vote !== 'prepared' || enlistments.get(enlistment)?.counts) return false;
      return this.isAtLimit(participant);
    });
  }

  /** After each step of a transaction that is decided. */
  update({ tid, enlistments }: CoordinatorTransaction): void {
    const debtors = new Set<ParticipantId>();
    for (const enlistment of enlistments.values()) {
      if (isOwed(enlistment)) debtors.add(participantOf(enlistment));
    }
    for (const enlistment of enlistments.values()) {
      const participant = participantOf(enlistment);
      if (debtors.has(participant)) this.#add(participant, tid);
      else this.#delete(participant, tid);
    }
  }

  #add(participant: ParticipantId, tid: TransactionId): void {
    const owed = this.#owed.get(participant) ?? new Set();
    this.#owed.set(participant, owed.add(tid));
  }

  #delete(participant: ParticipantId, tid: TransactionId): void {
    const owed = this.#owed.get(participant);
    if (owed?.delete(tid) && owed.size === 0) this.#owed.delete(participant);
  }
}

function isOwed({ forgotten, vote }: EnlistedParticipant): boolean {
  return !forgotten && vote?.statement.vote === 'prepared';
}

function participantOf({ registration }: EnlistedParticipant): ParticipantId {
  return registration.statement.participant;
}
