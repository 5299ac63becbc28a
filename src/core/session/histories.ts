import type { ReplicaId } from '../../vocabulary/ids.js';
import type { HistoryStatement } from '../../vocabulary/session.js';
import type { Signed } from '../../vocabulary/statements.js';

/** Signatures kept of one replica for positions that are not proved here. */
const keptMax = 1024;

/** What other replicas have signed of the history. */
export class Histories {
  readonly #kept = new Map<ReplicaId, Map<number, Signed<HistoryStatement>>>();
  /** The last position that each has signed. */
  readonly #latest = new Map<ReplicaId, number>();

  /** `isNeeded`: the position is not proved here yet. */
  add(from: ReplicaId, history: Signed<HistoryStatement>, isNeeded: boolean): void {
    const { position } = history.statement;
    this.#latest.set(from, Math.max(this.#latest.get(from) ?? 0, position));
    if (!isNeeded) return;
    const kept = this.#kept.get(from) ?? new Map<number, Signed<HistoryStatement>>();
    this.#kept.set(from, kept.set(position, history));
    if (kept.size > keptMax) kept.delete(Math.min(...kept.keys()));
  }

  forget(position: number): void {
    for (const kept of this.#kept.values()) kept.delete(position);
  }

  /** Who has signed the same of this position, and how many something else. */
  of({ position, root, before }: HistoryStatement): {
    readonly alike: readonly { readonly replica: ReplicaId; readonly signature: Uint8Array }[];
    readonly others: number;
  } {
    const alike: { replica: ReplicaId; signature: Uint8Array }[] = [];
    let others = 0;
    for (const [replica, kept] of this.#kept) {
      const signed = kept.get(position);
      if (!signed) continue;
      const isSame = signed.statement.root === root && signed.statement.before === before;
      if (isSame) alike.push({ replica, signature: signed.signature });
      else others += 1;
    }
    return { alike, others };
  }

  /** The position that so many have reached. */
  reachedBy(replicas: number): number {
    const positions = [...this.#latest.values()].sort((a, b) => b - a);
    return positions[replicas - 1] ?? 0;
  }
}
