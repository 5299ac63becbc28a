import type { Agreement } from '../../../agreement/core/agreement.js';
import type { FloorProof, PeerMessage, Slot } from '../../../agreement/messages.js';
import { limits } from '../../../kernel/codec/limits.js';
import type { Digest, ReplicaId, View } from '../../../kernel/ids.js';
import type { CoordinatorOutput } from './messages.js';
import { startTimer } from './timers.js';

/** More than a correct replica can have; what a liar claims beyond is not taken, nor handed on. */
export const ENTRIES_MAX = 131_072;
/** An inventory that nobody reads on is dropped after so many retransmission delays. */
const KEPT_FOR_DELAYS = 20;

type Recover = Extract<PeerMessage, { kind: 'recover' }>;

interface Taken {
  readonly question: Digest;
  /** Open ones first: what ends meanwhile stands in the list it was in. */
  readonly open: readonly Slot[];
  readonly finished: readonly Slot[];
  readonly floors: readonly FloorProof[];
  readonly view: View;
  readonly entered: View;
  readonly recovering: boolean;
  /** Just made: another question of this peer has to wait. */
  fresh: boolean;
}

export interface InventoriesOptions {
  readonly resendAfterMs: number;
  readonly open: () => Iterable<Slot>;
  /** The one that finished first comes first. */
  readonly finished: () => Iterable<Slot>;
  readonly floors: () => readonly FloorProof[];
  readonly agreement: Agreement;
  readonly output: (output: CoordinatorOutput) => void;
}

/**
 * What this replica sends others that have lost their memory, or have missed something: one inventory
 * for each peer, as things stood when it asked, however long it takes to read. So nothing slips through
 * between two pages.
 */
export class Inventories {
  readonly #options: InventoriesOptions;
  readonly #taken = new Map<ReplicaId, Taken>();

  constructor(options: InventoriesOptions) {
    this.#options = options;
  }

  onRecover(from: ReplicaId, { question, after, floors }: Recover): void {
    const known = this.#taken.get(from);
    if (known?.question === question) return this.#sendPage(from, known, after);
    if (known?.fresh || after > 0) return;
    const taken = this.#take(question, floors ? this.#options.floors() : []);
    this.#taken.set(from, taken);
    // A replica without memory has to come to the view that is named to it.
    if (floors) this.#options.agreement.onPeerUp(from);
    this.#startTimer(from, this.#options.resendAfterMs);
    this.#sendPage(from, taken, 0);
  }

  /** A fresh inventory may be replaced from now on, and is kept a while; an older one is dropped. */
  onTimer(replica: ReplicaId): void {
    const taken = this.#taken.get(replica);
    if (taken?.fresh) {
      taken.fresh = false;
      this.#startTimer(replica, KEPT_FOR_DELAYS * this.#options.resendAfterMs);
    } else {
      this.#taken.delete(replica);
    }
  }

  #take(question: Digest, floors: readonly FloorProof[]): Taken {
    const open = [...this.#options.open()].slice(0, ENTRIES_MAX);
    const over = [...this.#options.finished()];
    const finished = over.slice(Math.max(0, over.length - (ENTRIES_MAX - open.length)));
    const { lastView, view: entered, isRecovering: recovering } = this.#options.agreement;
    const views = { view: lastView, entered };
    return { question, open, finished, floors, ...views, recovering, fresh: true };
  }

  /** Slots on the first pages, floors on those after them. */
  #sendPage(to: ReplicaId, taken: Taken, after: number): void {
    const { question, open, finished, floors, view, entered, recovering } = taken;
    const slots = open.length + finished.length;
    const isOfSlots = after < slots;
    const end = isOfSlots
      ? Math.min(after + limits.inventoryEntries, slots)
      : after + limits.inventoryFloors;
    const from = <T>(list: readonly T[], offset: number): readonly T[] =>
      list.slice(Math.max(0, after - offset), Math.max(0, end - offset));
    const message: PeerMessage = {
      kind: 'inventory',
      question,
      after,
      last: end >= slots + floors.length,
      view,
      entered,
      recovering,
      open: from(open, 0),
      finished: from(finished, open.length),
      floors: isOfSlots ? [] : from(floors, slots),
    };
    this.#options.output({ kind: 'send', to, message });
  }

  #startTimer(replica: ReplicaId, delayMs: number): void {
    this.#options.output(startTimer({ kind: 'inventory', replica }, delayMs));
  }
}
