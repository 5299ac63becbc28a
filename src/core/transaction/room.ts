import { type Slot, type SlotKey, slotKey } from '../../vocabulary/agreement.js';
import type { ClientId } from '../../vocabulary/ids.js';
import type { Floors } from './floors.js';
import type { Undecided } from './undecided.js';

/** Undecided transactions at the same time; activation is refused above it. */
const UNDECIDED_MAX = 4096;
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
  readonly #waiting = new Map<SlotKey, Waiting>();

  constructor(undecided: Undecided, floors: Floors) {
    this.#undecided = undecided;
    this.#floors = floors;
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

  /** The slot of an activation is open no more: a transaction takes its place, or none does. */
  closed(key: SlotKey): void {
    this.#undecided.ended(key);
    this.#waiting.delete(key);
  }

  /** So little that a correct primary may have no room. */
  isTight(client: ClientId): boolean {
    return this.#lack(client, -BACKUP_SLACK_MAX) !== undefined;
  }

  /** Activations that waited, and for which there is a place now. */
  takeReady(): readonly Slot[] {
    if (!this.#undecided.takeFreed() || this.#waiting.size === 0) return [];
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
    return all < UNDECIDED_MAX + slack ? undefined : 'too many open transactions';
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
