import type { ReplicaId, View } from '../../vocabulary/ids.js';
import { primaryOf, type Resilience } from '../../vocabulary/quorum.js';

/** Which coordinator replicas a participant asks first: the primary, and last those that kept it waiting. */
export class ReplicaOrder {
  readonly #resilience: Resilience;
  readonly #late = new Set<ReplicaId>();
  #view = 0 as View;

  constructor(resilience: Resilience) {
    this.#resilience = resilience;
  }

  /** All replicas, those to be asked first in front. */
  get all(): readonly ReplicaId[] {
    const { n } = this.#resilience;
    const primary = primaryOf(this.#resilience, this.#view);
    const turned = Array.from({ length: n }, (_, rank) => ((primary + rank) % n) as ReplicaId);
    return [
      ...turned.filter((replica) => !this.#late.has(replica)),
      ...turned.filter((replica) => this.#late.has(replica)),
    ];
  }

  /** A certificate is of this view. */
  sawView(view: View): void {
    if (view > this.#view) this.#view = view;
  }

  wasLate(replica: ReplicaId): void {
    this.#late.add(replica);
  }

  heard(replica: ReplicaId): void {
    this.#late.delete(replica);
  }
}
