import type { FloorProof, Slot, SlotKey } from '../../vocabulary/agreement.js';
import { slotKey } from '../../vocabulary/agreement.js';
import type { ReplicaId } from '../../vocabulary/ids.js';
import { quorum, type Resilience, witnesses } from '../../vocabulary/quorum.js';

export interface ForgottenElsewhereOptions {
  readonly resilience: Resilience;
  readonly isOpen: (slot: Slot) => boolean;
  /** The slots are over for the others; `floors` are those of the inventories that show it. */
  readonly end: (slots: readonly Slot[], floors: readonly FloorProof[]) => void;
}

/** A peer's whole inventory, against what was open here when it was asked. */
export interface Comparison {
  readonly open: readonly Slot[];
  readonly known: readonly Slot[];
  readonly floors: readonly FloorProof[];
}

interface Lack {
  readonly slots: ReadonlyMap<SlotKey, Slot>;
  readonly floors: readonly FloorProof[];
}

/**
 * What is open here, or what this replica abstains from, and others have forgotten.
 *
 * A quorum committed the activation, and is locked on it until it has the transaction on record. Any
 * `witnesses` others share a correct replica with that quorum. Where none of so many knows of the
 * transaction, in whole inventories younger than this replica's own knowledge of it, that one has forgotten
 * it. So the transaction is over: every participant that had prepared has acknowledged its outcome. And the
 * floor of that one, in the same inventory, covers the transaction.
 */
export class ForgottenElsewhere {
  readonly #options: ForgottenElsewhereOptions;
  readonly #lacks = new Map<ReplicaId, Lack>();

  constructor(options: ForgottenElsewhereOptions) {
    this.#options = options;
  }

  onInventory(from: ReplicaId, { open, known, floors }: Comparison): void {
    const keys = new Set(known.map(slotKey));
    const lacking = open.filter((slot) => !keys.has(slotKey(slot)));
    this.#lacks.set(from, {
      slots: new Map(lacking.map((slot) => [slotKey(slot), slot])),
      floors: lacking.length > 0 ? floors : [],
    });
    const needed = witnesses(this.#options.resilience);
    const over = lacking.filter(
      (slot) => this.#countLacking(slot) >= needed && this.#options.isOpen(slot),
    );
    if (over.length === 0) return;
    this.#options.end(
      over,
      [...this.#lacks.values()].flatMap((lack) => lack.floors),
    );
  }

  /** So many others lack it that the rest is no quorum: it is no use to wait for an outcome. */
  isLeftBehind(slot: Slot): boolean {
    const { resilience } = this.#options;
    return this.#countLacking(slot) > resilience.n - quorum(resilience);
  }

  isLackedElsewhere(slot: Slot): boolean {
    return this.#countLacking(slot) > 0;
  }

  /** Some peer lacks what is open here. */
  get hasDoubts(): boolean {
    const { isOpen } = this.#options;
    return [...this.#lacks.values()].some(({ slots }) => [...slots.values()].some(isOpen));
  }

  #countLacking(slot: Slot): number {
    const key = slotKey(slot);
    let count = 0;
    for (const { slots } of this.#lacks.values()) if (slots.has(key)) count += 1;
    return count;
  }
}
