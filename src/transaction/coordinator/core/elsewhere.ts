import { type FloorProof, type Slot, type SlotKey, slotKey } from '../../../agreement/messages.js';
import {
  type Digest,
  oneCorrect,
  quorum,
  type ReplicaId,
  type Resilience,
  type TransactionId,
  witnesses,
} from '../../../kernel/ids.js';
import type { CoordinatorOutput } from './messages.js';
import { startTimer } from './timers.js';

/** Transactions asked of one peer at the same time. */
const IN_FLIGHT_MAX = 8;
/** So often one peer is asked for one transaction; then another one that has it. */
const TRIES_MAX = 2;

export interface MissingProofsOptions {
  readonly resilience: Resilience;
  readonly resendAfterMs: number;
  readonly question: () => Digest;
  /** Whether the transaction is on record here; `over`: with its outcome. */
  readonly has: (tid: TransactionId, over: boolean) => boolean;
  readonly output: (output: CoordinatorOutput) => void;
}

/**
 * Transactions that peers have named and that this replica lacks: fetched a few at a time. What comes
 * is a proof, so one peer is enough, and it can do no harm. Each peer has a queue of its own: one that
 * promises and does not deliver delays only what nobody else has.
 */
export class MissingProofs {
  readonly #options: MissingProofsOptions;
  /** By the peer that named it. */
  readonly #told = new Map<ReplicaId, Set<TransactionId>>();
  /**
   * What each peer called over in its last whole inventory: `f + 1` are believed. A peer that sends a new one
   * takes back what it sent before, so this holds no more than one inventory of each.
   */
  readonly #over = new Map<ReplicaId, Set<TransactionId>>();
  readonly #asked = new Map<TransactionId, { readonly of: ReplicaId; tries: number }>();

  constructor(options: MissingProofsOptions) {
    this.#options = options;
  }

  /** Transactions still to be fetched. */
  get size(): number {
    return new Set([...this.#told.values()].flatMap((tids) => [...tids])).size;
  }

  /** What one peer has; replaces what it sent before. */
  add(
    from: ReplicaId,
    told: { readonly open: readonly TransactionId[]; readonly over: readonly TransactionId[] },
  ): void {
    const { has } = this.#options;
    const over = told.over.filter((tid) => !has(tid, true));
    this.#over.set(from, new Set(over.filter((tid) => !has(tid, false))));
    const open = told.open.filter((tid) => !has(tid, false));
    this.#told.set(from, new Set([...open, ...over]));
    this.#askMore();
  }

  /** A proof has come. Returns whether the transaction was over before this replica knew of it. */
  learnt(tid: TransactionId, isOutcome: boolean): boolean {
    const sayOver = [...this.#over.values()].filter((tids) => tids.has(tid)).length;
    if (!isOutcome && sayOver > 0) return false;
    this.reopen(tid);
    for (const tids of this.#told.values()) tids.delete(tid);
    if (this.#asked.delete(tid)) this.#askMore();
    return sayOver >= oneCorrect(this.#options.resilience);
  }

  /** A participant asks here for the transaction's outcome: for that participant it is not over. */
  reopen(tid: TransactionId): void {
    for (const tids of this.#over.values()) tids.delete(tid);
  }

  /** The peers have had their time to send what they were asked for. */
  onTimer(): void {
    for (const [tid, asked] of [...this.#asked]) {
      asked.tries += 1;
      if (asked.tries < TRIES_MAX) this.#ask(asked.of, tid);
      else this.#giveUp(asked.of, tid);
    }
    this.#askMore();
    if (this.#asked.size > 0) this.#startTimer();
  }

  #askMore(): void {
    const wasIdle = this.#asked.size === 0;
    for (const [replica, tids] of this.#told) {
      let inFlight = [...this.#asked.values()].filter(({ of }) => of === replica).length;
      for (const tid of tids) {
        if (inFlight >= IN_FLIGHT_MAX) break;
        if (this.#asked.has(tid)) continue;
        this.#asked.set(tid, { of: replica, tries: 0 });
        this.#ask(replica, tid);
        inFlight += 1;
      }
    }
    if (wasIdle && this.#asked.size > 0) this.#startTimer();
  }

  #ask(to: ReplicaId, tid: TransactionId): void {
    const question = this.#options.question();
    this.#options.output({
      kind: 'send',
      to,
      message: { kind: 'fetch-transaction', tid, question },
    });
  }

  #giveUp(replica: ReplicaId, tid: TransactionId): void {
    this.#asked.delete(tid);
    this.#told.get(replica)?.delete(tid);
    if (![...this.#told.values()].some((tids) => tids.has(tid))) this.reopen(tid);
  }

  #startTimer(): void {
    const delayMs = 2 * this.#options.resendAfterMs;
    this.#options.output(startTimer({ kind: 'missing-proofs' }, delayMs));
  }
}

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
