import { type ClientId, clientPrincipal, type TransactionId } from '../../vocabulary/ids.js';
import type { CoordinatorTransaction } from './coordinator-transaction.js';

/** Counts the transactions that are not decided: each activation asks how many there are. */
export class Undecided {
  readonly #principals = new Map<TransactionId, string>();
  readonly #counts = new Map<string, number>();

  /** Of all clients, and of this client's principal. */
  of(client: ClientId): { readonly all: number; readonly own: number } {
    const own = this.#counts.get(clientPrincipal(client)) ?? 0;
    return { all: this.#principals.size, own };
  }

  created({ tid, activation }: CoordinatorTransaction): void {
    const principal = clientPrincipal(activation.client);
    this.#principals.set(tid, principal);
    this.#counts.set(principal, (this.#counts.get(principal) ?? 0) + 1);
  }

  /** It is decided, or forgotten. */
  ended(tid: TransactionId): void {
    const principal = this.#principals.get(tid);
    if (principal === undefined) return;
    this.#principals.delete(tid);
    const left = (this.#counts.get(principal) ?? 0) - 1;
    if (left > 0) this.#counts.set(principal, left);
    else this.#counts.delete(principal);
  }
}
