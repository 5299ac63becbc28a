import type { ReplicaId } from '../../vocabulary/ids.js';
import type { Outbox } from './outbox.js';

/** What one replica is done in `favourWindowMs`: two views and two tries more are what a lost store takes. */
const favoursMax = 4;
const favourWindowMs = 60_000;

/**
 * What a replica that says that it has lost its store costs the others: a liar can say so again and again, so
 * each has a few favours a minute.
 */
export class Favours {
  readonly #outbox: Outbox;
  /** When each was done one, of late. */
  readonly #done = new Map<ReplicaId, number[]>();

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** Whether this replica is done one now; it counts then. */
  take(replica: ReplicaId): boolean {
    const { nowMs } = this.#outbox;
    const done = (this.#done.get(replica) ?? []).filter((atMs) => nowMs - atMs < favourWindowMs);
    this.#done.set(replica, done);
    if (done.length >= favoursMax) return false;
    done.push(nowMs);
    return true;
  }
}
