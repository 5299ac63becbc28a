import type { ReplicaId } from '../../../vocabulary/ids.js';
import type { Complaint, ComplaintKind, Cycle, CycleValue } from '../../../vocabulary/ordering.js';
import { orderingLimits } from '../../../wire/ordering/index.js';
import type { Membership } from './membership.js';

/** What this process says of others in its next value: who is back, and who was in the way. */
export class Testimony {
  readonly #self: ReplicaId;
  readonly #membership: Membership;
  /** Excluded processes that have shown to be back. */
  readonly #returned = new Set<ReplicaId>();
  /** The last cycle in which this process said so. */
  #endorsedIn = 0;
  #complaints: Complaint[] = [];

  constructor(self: ReplicaId, membership: Membership) {
    this.#self = self;
    this.#membership = membership;
  }

  /** An excluded process is back. */
  hearFrom(replica: ReplicaId): void {
    if (this.#membership.isExcluded(replica)) this.#returned.add(replica);
  }

  /** Of one process it says one thing a cycle: of two the graver. */
  complain(cycle: Cycle, culprits: Iterable<ReplicaId>, what: ComplaintKind): void {
    for (const replica of culprits) {
      const isThis = (one: Complaint) => one.cycle === cycle && one.replica === replica;
      const isSaid = this.#complaints.some((one) => isThis(one) && one.what === 'absent');
      if (isSaid) continue;
      this.#complaints = this.#complaints.filter((one) => !isThis(one));
      this.#complaints.push({ cycle, replica, what });
    }
    this.#complaints = this.#complaints.slice(-orderingLimits.complaints);
  }

  /** Whether this cycle should start if only to say that somebody is back. */
  isAwaited(cycle: number, delivered: number): boolean {
    return this.#endorsedIn <= delivered && this.#readmitIn(cycle).length > 0;
  }

  /** For the value of a cycle. What it complains of it does not repeat. */
  take(cycle: Cycle): Pick<CycleValue, 'readmit' | 'complaints'> {
    const readmit = this.#readmitIn(cycle);
    if (readmit.length > 0) this.#endorsedIn = cycle;
    const complaints = this.#complaints.sort((a, b) => a.cycle - b.cycle || a.replica - b.replica);
    this.#complaints = [];
    return { readmit, complaints };
  }

  #readmitIn(cycle: number): ReplicaId[] {
    for (const replica of this.#returned) {
      if (!this.#membership.isExcluded(replica)) this.#returned.delete(replica);
    }
    return [...this.#returned]
      .filter((replica) => this.#membership.mayEndorse(this.#self, replica, cycle))
      .sort((a, b) => a - b);
  }
}
