import type { ReplicaId, TransactionId } from '../../vocabulary/ids.js';
import { quorum, type Resilience, witnesses } from '../../vocabulary/quorum.js';

export interface ForgottenElsewhereOptions {
  readonly resilience: Resilience;
  readonly isOpen: (tid: TransactionId) => boolean;
  /** The transaction is over, and its outcome is to be had from nobody. */
  readonly end: (tid: TransactionId) => void;
}

/**
 * Transactions that are undecided here and that others have forgotten, while this replica was away.
 *
 * A quorum committed the activation, and is locked on it until it has the transaction on record. Any
 * `witnesses` others share a correct replica with that quorum. Where none of so many has the transaction
 * on record, in whole inventories younger than this replica's own record, that one has forgotten it. So
 * the transaction is over: every participant that had prepared has acknowledged its outcome.
 */
export class ForgottenElsewhere {
  readonly #options: ForgottenElsewhereOptions;
  /** What was open here when a peer was asked, and is not in its whole inventory. */
  readonly #lacking = new Map<ReplicaId, ReadonlySet<TransactionId>>();

  constructor(options: ForgottenElsewhereOptions) {
    this.#options = options;
  }

  /** The whole inventory of a peer that was asked while `open` was open here. */
  onInventory(
    from: ReplicaId,
    open: ReadonlySet<TransactionId>,
    known: ReadonlySet<TransactionId>,
  ): void {
    const lacking = new Set([...open].filter((tid) => !known.has(tid)));
    this.#lacking.set(from, lacking);
    for (const tid of lacking) {
      const isOver = this.#countLacking(tid) >= witnesses(this.#options.resilience);
      if (isOver && this.#options.isOpen(tid)) this.#options.end(tid);
    }
  }

  /** So many others lack it that the rest is no quorum: it is no use to wait for an outcome. */
  isLeftBehind(tid: TransactionId): boolean {
    const { resilience } = this.#options;
    return this.#countLacking(tid) > resilience.n - quorum(resilience);
  }

  /** Some peer lacks what is open here. */
  get hasDoubts(): boolean {
    const { isOpen } = this.#options;
    return [...this.#lacking.values()].some((lacking) => [...lacking].some(isOpen));
  }

  #countLacking(tid: TransactionId): number {
    let count = 0;
    for (const lacking of this.#lacking.values()) if (lacking.has(tid)) count += 1;
    return count;
  }
}
