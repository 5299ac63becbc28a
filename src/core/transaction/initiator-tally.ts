import type { ReplicaId } from '../../vocabulary/ids.js';

/**
 * Counts what different replicas say. Each has one word, its last, so that a replica that says
 * two things counts once.
 */
export class Tally<Word> {
  readonly #words = new Map<ReplicaId, Word>();
  readonly #needed: number;

  /** `needed`: how many must agree; `f + 1`, so that a correct replica is among them. */
  constructor(needed: number) {
    this.#needed = needed;
  }

  /** The word if enough replicas have now said it. */
  add(replica: ReplicaId, word: Word): Word | undefined {
    this.#words.set(replica, word);
    const alike = [...this.#words.values()].filter((other) => other === word).length;
    return alike >= this.#needed ? word : undefined;
  }

  hasHeard(replica: ReplicaId): boolean {
    return this.#words.has(replica);
  }
}
