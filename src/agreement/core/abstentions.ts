import { invariant, type StoredRecord } from '../../kernel/core.js';
import type { View } from '../../kernel/ids.js';
import { type Slot, type SlotKey, slotKey } from '../messages.js';
import { slotOf } from './slot.js';

/** Stands in the store from a start without any memory on, until what was said before is known. */
const RECOVERING = 'recovering';
/** Stands in the store of every replica that knows what it has said; its value is `silentUpTo`. */
const MEMBER = 'member';
const ABSTAIN = 'abstain/';

/**
 * What the store of a replica holds before its first start, written together with its keys: it has
 * never said anything. Without this it would be taken for one that has lost its disk.
 */
export const newMember: readonly StoredRecord[] = [{ key: MEMBER, value: memberValue(-1) }];

/**
 * What this replica must not vote in, because it may have voted there on a disk that is gone.
 *
 * - While it is recovering: anything.
 * - From then on, slots that others named to it, until they are decided without it.
 * - Activations in the views that it may have been in: a vote that was on its way when the disk was
 *   lost may have reached no replica that could say so. (Of an outcome a replica can: without its activation,
 *   which a quorum committed, there was nothing to vote on.)
 */
export class Abstentions {
  readonly #persist: (key: string, value: Uint8Array | null) => void;
  readonly #slots = new Map<SlotKey, Slot>();
  #recovering = false;
  #silentUpTo = -1;

  constructor(persist: (key: string, value: Uint8Array | null) => void) {
    this.#persist = persist;
  }

  get isRecovering(): boolean {
    return this.#recovering;
  }

  /** In no order. */
  get slots(): Iterable<Slot> {
    return this.#slots.values();
  }

  get size(): number {
    return this.#slots.size;
  }

  /** The last of the views that it may have been in; -1 where it has its memory. */
  get silentUpTo(): number {
    return this.#silentUpTo;
  }

  has(key: SlotKey): boolean {
    return this.#slots.has(key);
  }

  /** Whether this replica may have spoken of the slot before it lost its memory. */
  covers(key: SlotKey): boolean {
    return this.isRecovering || this.has(key);
  }

  mayVote(slot: Slot, view: View): boolean {
    if (this.#recovering || this.#slots.has(slotKey(slot))) return false;
    return slot.kind === 'outcome' || view > this.#silentUpTo;
  }

  /** An empty store is that of a replica whose disk is gone: a new one has `newMember` in it. */
  restore(records: readonly StoredRecord[]): void {
    const isEmpty = records.length === 0;
    this.#recovering = isEmpty || records.some(({ key }) => key === RECOVERING);
    if (isEmpty) this.#persist(RECOVERING, new Uint8Array());
    for (const { key, value } of records) {
      if (key === MEMBER) this.#silentUpTo = Number(new TextDecoder().decode(value));
      if (!key.startsWith(ABSTAIN)) continue;
      const slot = slotOf(key.slice(ABSTAIN.length));
      this.#slots.set(slotKey(slot), slot);
    }
  }

  /** Enough is known. */
  recovered(open: Iterable<Slot>, silentUpTo: View): void {
    this.#recovering = false;
    this.#silentUpTo = silentUpTo;
    for (const slot of open) {
      this.#slots.set(slotKey(slot), slot);
      this.#persist(`${ABSTAIN}${slotKey(slot)}`, new Uint8Array());
    }
    this.#persist(MEMBER, memberValue(this.#silentUpTo));
    this.#persist(RECOVERING, null);
  }

  /** The slot was decided, by the votes of others, or this replica has to do with it no more. */
  ended(key: SlotKey): void {
    if (this.#slots.delete(key)) this.#persist(`${ABSTAIN}${key}`, null);
  }
}

function memberValue(silentUpTo: number): Uint8Array {
  return new TextEncoder().encode(String(silentUpTo));
}

const DECIDED = 'decided/';

/** Where the proof of a slot's decision is stored; a replica that has forgotten the slot keeps it for a while. */
export function decidedKey(slot: SlotKey): string {
  return `${DECIDED}${slot}`;
}

/** The slot whose decision is stored under the key; undefined where it is none. */
export function decidedSlot(key: string): SlotKey | undefined {
  return key.startsWith(DECIDED) ? (key.slice(DECIDED.length) as SlotKey) : undefined;
}

const FORGOTTEN = 'forgotten/';
/** Forgotten transactions whose proofs a replica still shows, in production. */
export const SHOWN_TRANSACTIONS_MAX = 256;
/** An activation and an outcome. */
const SLOTS_OF_ONE_TRANSACTION = 2;

/**
 * The last decisions that this replica has forgotten. Their proofs stay on disk, and the replica shows them
 * to peers that ask for the slot. It may forget a transaction at once, and its vote may have been the last
 * that it needed: others that voted with it, and that a liar kept another vote from, can learn the decision
 * of no other replica. A proof binds the replica that shows it to nothing.
 *
 * Their number is bounded, and not their age. A quorum that decides later transactions has in it one of those
 * that lack this one, unless these are all `f`; and one that is up asks.
 */
export class ForgottenProofs {
  readonly #slotsMax: number;
  readonly #persist: (key: string, value: Uint8Array | null) => void;
  /** The first that was forgotten comes first. */
  readonly #keys = new Set<SlotKey>();
  /** How many there have ever been: their order outlives a restart. */
  #ever = 0;

  constructor(shownTransactions: number, persist: (key: string, value: Uint8Array | null) => void) {
    this.#slotsMax = SLOTS_OF_ONE_TRANSACTION * shownTransactions;
    this.#persist = persist;
  }

  restore(records: readonly StoredRecord[]): void {
    const stored = records
      .filter(({ key }) => key.startsWith(FORGOTTEN))
      .map(({ key, value }) => ({
        key: key.slice(FORGOTTEN.length) as SlotKey,
        at: Number(new TextDecoder().decode(value)),
      }))
      .sort((a, b) => a.at - b.at);
    for (const { key } of stored) this.#keys.add(key);
    this.#ever = stored.at(-1)?.at ?? 0;
  }

  has(key: SlotKey): boolean {
    return this.#keys.has(key);
  }

  /** The slot's decision is on disk, and this replica takes no part in the slot any more. */
  add(key: SlotKey): void {
    invariant(!this.#keys.has(key), 'a slot that is decided again here is not forgotten');
    this.#ever += 1;
    this.#keys.add(key);
    this.#persist(`${FORGOTTEN}${key}`, new TextEncoder().encode(String(this.#ever)));
    const [oldest] = this.#keys;
    if (this.#keys.size > this.#slotsMax && oldest !== undefined) this.#drop(oldest);
  }

  /** The slot has been learnt again: its decision is the agreement's, and goes when that forgets it. */
  learntAgain(key: SlotKey): void {
    if (this.#keys.delete(key)) this.#persist(`${FORGOTTEN}${key}`, null);
  }

  #drop(key: SlotKey): void {
    this.#keys.delete(key);
    this.#persist(`${FORGOTTEN}${key}`, null);
    this.#persist(decidedKey(key), null);
  }
}
