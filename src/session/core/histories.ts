import { oneCorrect, type ReplicaId, type Resilience } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import type { HistoryStatement, SessionCertificate } from '../types.js';

/**
 * The replicas that collect signatures of a position: `f + 1` of those that handed something in, taking turns. A request
 * names whoever a liar likes, so also replicas that there are not.
 */
export function collectorsOf(
  position: number,
  submitters: readonly ReplicaId[],
  resilience: Resilience,
): readonly ReplicaId[] {
  const count = oneCorrect(resilience);
  const sorted = submitters.filter((one) => one < resilience.n).sort((a, b) => a - b);
  const start = position % sorted.length;
  return [...sorted.slice(start), ...sorted.slice(0, start)].slice(0, count);
}

/** Signatures kept of one replica for positions that are not proved here. */
const keptMax = 1024;

/** Certificates kept of positions that this replica has not come to. */
const earlyMax = 256;

export interface EarlyCertificate {
  readonly from: ReplicaId;
  readonly certificate: SessionCertificate<HistoryStatement>;
}

/** What other replicas have signed of the history. */
export class Histories {
  readonly #kept = new Map<ReplicaId, Map<number, Signed<HistoryStatement>>>();
  /** The last position that each has signed. */
  readonly #latest = new Map<ReplicaId, number>();
  readonly #early = new Map<number, EarlyCertificate>();
  /** The last position that a certificate was of. */
  #certified = 0;

  /** `isNeeded`: the position is not proved here yet. */
  add(from: ReplicaId, history: Signed<HistoryStatement>, isNeeded: boolean): void {
    const { position } = history.statement;
    this.#latest.set(from, Math.max(this.#latest.get(from) ?? 0, position));
    if (!isNeeded) return;
    const kept = this.#kept.get(from) ?? new Map<number, Signed<HistoryStatement>>();
    this.#kept.set(from, kept.set(position, history));
    if (kept.size > keptMax) kept.delete(Math.min(...kept.keys()));
  }

  /** `isEarly`: this replica has not come to the position yet. */
  addCertificate(
    from: ReplicaId,
    certificate: SessionCertificate<HistoryStatement>,
    isEarly: boolean,
  ): void {
    const { position } = certificate.statement;
    this.#certified = Math.max(this.#certified, position);
    if (!isEarly) return;
    this.#early.set(position, { from, certificate });
    const [oldest] = this.#early.keys();
    if (this.#early.size > earlyMax && oldest !== undefined) this.#early.delete(oldest);
  }

  takeEarly(position: number): EarlyCertificate | undefined {
    const early = this.#early.get(position);
    this.#early.delete(position);
    return early;
  }

  forget(position: number): void {
    for (const kept of this.#kept.values()) kept.delete(position);
  }

  /** The replicas that have signed the same of this position, and how many something else. */
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

  /** The position that so many have reached, or as many as sign a certificate. */
  reachedBy(replicas: number): number {
    const positions = [...this.#latest.values()].sort((a, b) => b - a);
    return Math.max(positions[replicas - 1] ?? 0, this.#certified);
  }
}
