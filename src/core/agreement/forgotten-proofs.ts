import type { SlotKey } from '../../vocabulary/agreement.js';
import type { StoredRecord } from '../effects.js';
import { invariant } from '../invariant.js';

const PREFIX = 'forgotten/';
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
      .filter(({ key }) => key.startsWith(PREFIX))
      .map(({ key, value }) => ({
        key: key.slice(PREFIX.length) as SlotKey,
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
    this.#persist(`${PREFIX}${key}`, new TextEncoder().encode(String(this.#ever)));
    const [oldest] = this.#keys;
    if (this.#keys.size > this.#slotsMax && oldest !== undefined) this.#drop(oldest);
  }

  /** The slot has been learnt again: its decision is the agreement's, and goes when that forgets it. */
  learntAgain(key: SlotKey): void {
    if (this.#keys.delete(key)) this.#persist(`${PREFIX}${key}`, null);
  }

  #drop(key: SlotKey): void {
    this.#keys.delete(key);
    this.#persist(`${PREFIX}${key}`, null);
    this.#persist(`decided/${key}`, null);
  }
}
