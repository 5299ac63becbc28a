import { type Slot, type SlotKey, slotKey } from '../../vocabulary/agreement.js';
import type { View } from '../../vocabulary/ids.js';
import type { StoredRecord } from '../effects.js';

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
 * - From then on, slots that others told it of, until they are decided without it.
 * - Activations in the views that it may have been in: a vote that was on its way when the disk was
 *   lost may have reached nobody who could tell. (Of an outcome somebody can: without its activation,
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

  mayVote(slot: Slot, view: View): boolean {
    if (this.#recovering || this.#slots.has(slotKey(slot))) return false;
    return slot.kind === 'outcome' || view > this.#silentUpTo;
  }

  /** An empty store is that of a replica whose disk is gone: a new one has `newMember` in it. */
  restore(records: readonly StoredRecord[], slotOf: (key: string) => Slot): void {
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
