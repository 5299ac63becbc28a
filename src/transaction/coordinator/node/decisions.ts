import { decodeDecisionProof } from '../../../agreement/certificate.js';
import { decidedKey } from '../../../agreement/core/abstentions.js';
import {
  type DecisionProof,
  type Slot,
  type SlotKey,
  slotKey,
} from '../../../agreement/messages.js';
import type { ClusterId } from '../../../kernel/ids.js';
import type { Store } from '../../../kernel/store/store.js';

/** The stored proof of the slot's decision; undefined where there is none, or none any more. */
export async function storedDecision(
  store: Pick<Store, 'load'>,
  slot: Slot,
): Promise<Uint8Array | undefined> {
  const key = decidedKey(slotKey(slot));
  const records = await store.load(key);
  return records.find((record) => record.key === key)?.value;
}

type Receive = (proof: DecisionProof) => void;

/** What this replica's coordinator has decided and will decide. */
export class Decisions {
  readonly #cluster: ClusterId;
  readonly #store: Pick<Store, 'load'>;
  /** By the slot whose decision they wait for. */
  readonly #waiting = new Map<SlotKey, Set<Receive>>();

  constructor(cluster: ClusterId, store: Pick<Store, 'load'>) {
    this.#cluster = cluster;
    this.#store = store;
  }

  /**
   * The slot's decision as soon as it is on disk. Rejects with the signal's reason once that is aborted,
   * and where the store cannot be read. A decision that was forgotten never comes.
   */
  async of(slot: Slot, signal: AbortSignal): Promise<DecisionProof> {
    signal.throwIfAborted();
    return new Promise<DecisionProof>((resolve, reject) => {
      const leave = this.#wait(slotKey(slot), resolve);
      const giveUp = (error: unknown) => {
        leave();
        reject(error);
      };
      signal.addEventListener('abort', () => giveUp(signal.reason), { once: true });
      // The core does not put out again what it had decided before.
      storedDecision(this.#store, slot)
        .then((stored) => stored && this.onDecided(decodeDecisionProof(this.#cluster, stored)))
        .catch(giveUp);
    });
  }

  /** The core's output `decided`: the decision is on disk. */
  onDecided(proof: DecisionProof): void {
    const key = slotKey(proof.commits.statement.slot);
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const receive of waiting ?? []) receive(proof);
  }

  #wait(key: SlotKey, receive: Receive): () => void {
    const waiting = this.#waiting.get(key) ?? new Set<Receive>();
    this.#waiting.set(key, waiting.add(receive));
    return () => {
      waiting.delete(receive);
      if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    };
  }
}
