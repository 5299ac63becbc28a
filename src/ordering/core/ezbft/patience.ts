import type { ReplicaId } from '../../../kernel/ids.js';

/** Doublings of the replies in time that a replica owes which was late. */
const DOUBLINGS_MAX = 10;
/** After so many replies in time one of them is taken back. */
const FORGIVEN_AFTER = 2 ** DOUBLINGS_MAX;

interface Standing {
  doublings: number;
  /** Replies in time until it is waited for again. */
  owed: number;
  /** Replies in time since then. */
  inTime: number;
}

/**
 * Whose replies are waited for. Only those of all decide fast, so one that is late costs the others a time-out. A replica
 * that was late is not waited for until it has been in time twice, the next time four times, and so on; what
 * is proposed meanwhile is settled at once.
 */
export class Patience {
  readonly #late = new Map<ReplicaId, Standing>();

  isAwaited(replica: ReplicaId): boolean {
    return (this.#late.get(replica)?.owed ?? 0) === 0;
  }

  /** Its reply was waited for in vain, or came too late. */
  missed(replica: ReplicaId): void {
    const before = this.#late.get(replica)?.doublings ?? 0;
    const isFresh = this.isAwaited(replica);
    const doublings = isFresh ? Math.min(before + 1, DOUBLINGS_MAX) : before;
    this.#late.set(replica, { doublings, owed: 2 ** doublings, inTime: 0 });
  }

  wasInTime(replica: ReplicaId): void {
    const standing = this.#late.get(replica);
    if (!standing) return;
    if (standing.owed > 0) {
      standing.owed -= 1;
      return;
    }
    standing.inTime += 1;
    if (standing.inTime < FORGIVEN_AFTER) return;
    standing.inTime = 0;
    standing.doublings -= 1;
    if (standing.doublings === 0) this.#late.delete(replica);
  }
}
