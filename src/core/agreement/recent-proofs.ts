import type { DecisionProof, SlotKey } from '../../vocabulary/agreement.js';
import type { AgreementState } from './state.js';

const TIMER = 'recent-proofs';
/** Kept for so many retransmission delays at least, and twice as long at most: a few fetches. */
const KEPT_FOR_DELAYS = 10;
/** More are decided only under load, which takes time to forget as well. */
const RECENT_PROOFS_MAX = 256;
/** What a proof is made of is bounded; all of them together are by this. */
const RECENT_PROOF_BYTES_MAX = 8 * 1024 * 1024;

interface Kept {
  readonly proof: DecisionProof;
  readonly length: number;
}

/**
 * The last outcomes that this replica has decided, in memory. It may forget a transaction at once, and its
 * vote may have been the last that it needed: others that voted with it, and that a liar kept another vote
 * from, can learn the outcome of nobody else. A proof binds whoever shows it to nothing.
 */
export class RecentProofs {
  readonly #state: AgreementState;
  #young = new Map<SlotKey, Kept>();
  #old = new Map<SlotKey, Kept>();
  #bytes = 0;

  constructor(state: AgreementState) {
    this.#state = state;
  }

  get(key: SlotKey): DecisionProof | undefined {
    return (this.#young.get(key) ?? this.#old.get(key))?.proof;
  }

  add(key: SlotKey, proof: DecisionProof, length: number): void {
    if (this.#young.size + this.#old.size === 0) this.#startTimer();
    this.#young.set(key, { proof, length });
    this.#bytes += length;
    while (this.#young.size + this.#old.size > RECENT_PROOFS_MAX) this.#dropOldest();
    while (this.#bytes > RECENT_PROOF_BYTES_MAX) this.#dropOldest();
  }

  /** Returns false where the timer is not this one's. */
  onTimer(name: string): boolean {
    if (name !== TIMER) return false;
    for (const { length } of this.#old.values()) this.#bytes -= length;
    this.#old = this.#young;
    this.#young = new Map();
    if (this.#old.size > 0) this.#startTimer();
    return true;
  }

  #dropOldest(): void {
    const from = this.#old.size > 0 ? this.#old : this.#young;
    const [oldest] = from;
    if (!oldest) return;
    const [key, { length }] = oldest;
    from.delete(key);
    this.#bytes -= length;
  }

  #startTimer(): void {
    const delayMs = KEPT_FOR_DELAYS * this.#state.options.resendAfterMs;
    this.#state.startTimer(TIMER, delayMs);
  }
}
