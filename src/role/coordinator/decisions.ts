import type { Store } from '../../edge/store/store.js';
import { type DecisionProof, type Slot, slotKey } from '../../vocabulary/agreement.js';
import type { ClusterId } from '../../vocabulary/ids.js';
import { decodeDecisionProof } from '../../wire/index.js';

type Tell = (encoded: Uint8Array) => void;

/**
 * What this replica's coordinator has decided and will decide. It sees the decisions on their way to the
 * disk, and tells of each when it is there.
 */
export class Decisions {
  /** The store to hand to the coordinator's driver. */
  readonly store: Store;
  readonly #cluster: ClusterId;
  /** By the key of the record that they wait for. */
  readonly #waiting = new Map<string, Set<Tell>>();

  constructor(cluster: ClusterId, store: Store) {
    this.#cluster = cluster;
    this.store = {
      load: (prefix) => store.load(prefix),
      close: () => store.close(),
      write: async (writes) => {
        await store.write(writes);
        for (const { key, value } of writes) if (value) this.#tell(key, value);
      },
    };
  }

  /**
   * The slot's decision as soon as it is on disk. Rejects with the signal's reason once that is aborted,
   * and where the store cannot be read. A decision that was forgotten never comes.
   */
  async of(slot: Slot, signal: AbortSignal): Promise<DecisionProof> {
    signal.throwIfAborted();
    const key = `decided/${slotKey(slot)}`;
    const encoded = await new Promise<Uint8Array>((resolve, reject) => {
      const leave = this.#wait(key, resolve);
      const giveUp = (error: unknown) => {
        leave();
        reject(error);
      };
      signal.addEventListener('abort', () => giveUp(signal.reason), { once: true });
      // One that was written before is not told of any more.
      this.store.load(key).then((records) => {
        const record = records.find((one) => one.key === key);
        if (record) this.#tell(key, record.value);
      }, giveUp);
    });
    return decodeDecisionProof(this.#cluster, encoded);
  }

  #wait(key: string, tell: Tell): () => void {
    const waiting = this.#waiting.get(key) ?? new Set<Tell>();
    this.#waiting.set(key, waiting.add(tell));
    return () => {
      waiting.delete(tell);
      if (waiting.size === 0 && this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    };
  }

  #tell(key: string, encoded: Uint8Array): void {
    const waiting = this.#waiting.get(key);
    this.#waiting.delete(key);
    for (const tell of waiting ?? []) tell(encoded);
  }
}
