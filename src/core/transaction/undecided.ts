import type { SlotKey } from '../../vocabulary/agreement.js';
import { type ClientId, clientPrincipal, type TransactionId } from '../../vocabulary/ids.js';
import type { CoordinatorTransaction } from './coordinator-transaction.js';

/**
 * Counts the transactions that are not decided, and the activations that this replica takes part in and that are to
 * become such: each activation asks how many there are.
 */
export class Undecided {
  readonly #principals = new Map<TransactionId | SlotKey, string>();
  readonly #counts = new Map<string, number>();
  #isFreed = false;

  /** Of all clients, and of this client's principal. */
  of(client: ClientId): { readonly all: number; readonly own: number } {
    const own = this.#counts.get(clientPrincipal(client)) ?? 0;
    return { all: this.#principals.size, own };
  }

  /** Whether the activation has a place. */
  has(slot: SlotKey): boolean {
    return this.#principals.has(slot);
  }

  /** Whether places have been given back since this was asked. */
  takeFreed(): boolean {
    const isFreed = this.#isFreed;
    this.#isFreed = false;
    return isFreed;
  }

  /** The activation has a place, until its slot is closed. */
  expected(slot: SlotKey, client: ClientId): void {
    if (!this.has(slot)) this.#add(slot, clientPrincipal(client));
  }

  created({ tid, activation }: CoordinatorTransaction): void {
    this.#add(tid, clientPrincipal(activation.client));
  }

  /** It is decided, or forgotten; or the slot of an activation is closed. */
  ended(what: TransactionId | SlotKey): void {
    const principal = this.#principals.get(what);
    if (principal === undefined) return;
    this.#isFreed = true;
    this.#principals.delete(what);
    const left = (this.#counts.get(principal) ?? 0) - 1;
    if (left > 0) this.#counts.set(principal, left);
    else this.#counts.delete(principal);
  }

  #add(what: TransactionId | SlotKey, principal: string): void {
    this.#principals.set(what, principal);
    this.#counts.set(principal, (this.#counts.get(principal) ?? 0) + 1);
  }
}
