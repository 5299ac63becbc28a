import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { OrderingRequest } from '../../../src/ordering/types.js';
import type { Random } from '../engine/random.js';
import { genuineRequest } from './requests.js';
import { keyOf } from './witness.js';
import type { OrderingWorld } from './world.js';

const BUSY_RETRY_MS = 1000;

/**
 * Submits requests at all replicas. A client whose replica has crashed asks it again when it is back:
 * what a replica had not written down, nobody else need know of.
 */
export class Clients {
  readonly #world: OrderingWorld;
  readonly #submitted = new Map<ReplicaId, Map<string, OrderingRequest>>();
  #expected = 0;

  constructor(world: OrderingWorld) {
    this.#world = world;
    const random = world.random.fork('clients');
    for (let replica = 0; replica < world.plan.n; replica += 1) {
      this.#schedule(replica as ReplicaId, random.fork(`of ${replica}`));
    }
    world.onRefused = (replica, request, reason) => {
      if (reason === 'busy') world.engine.after(BUSY_RETRY_MS, () => this.#ask(replica, request));
    };
    world.onStarted = (replica) => {
      for (const request of this.#of(replica).values()) this.#ask(replica, request);
    };
  }

  /** One more for each replica: whatever came before, the service is there again. */
  last(): void {
    for (let replica = 0; replica < this.#world.plan.n; replica += 1) {
      this.#submit(replica as ReplicaId, genuineRequest(`last-${replica}`, 1, 'last'));
    }
  }

  /** What was submitted at a correct replica and is not applied at all of them. */
  get open(): string[] {
    const { witness, correct } = this.#world;
    const keys = new Set(correct.flatMap((replica) => [...this.#of(replica).keys()]));
    const missing = [...keys].filter(
      (key) => !correct.every((replica) => witness.hasApplied(replica, key)),
    );
    if (keys.size < this.#expected) missing.push('requests to come');
    return missing;
  }

  #schedule(replica: ReplicaId, random: Random): void {
    const { plan, engine, correct } = this.#world;
    const isBursty = random.chance(0.3);
    const burstMs = random.between(0, plan.chaosMs);
    for (let number = 1; number <= plan.requests; number += 1) {
      const request = genuineRequest(`client-${replica}`, number, `request ${number}`);
      const atMs = isBursty ? burstMs + random.between(0, 50) : random.between(0, plan.chaosMs);
      engine.after(atMs, () => this.#submit(replica, request));
      if (correct.includes(replica)) this.#expected += 1;
      // Some clients ask two replicas; a few say something else to the second.
      if (!random.chance(0.2)) continue;
      const other = random.int(plan.n) as ReplicaId;
      const text = random.chance(0.2) ? 'something else' : `request ${number}`;
      const again = genuineRequest(`client-${replica}`, number, text);
      engine.after(atMs + random.between(0, 100), () => this.#submit(other, again));
    }
  }

  #submit(replica: ReplicaId, request: OrderingRequest): void {
    const own = this.#of(replica);
    if (!own.has(keyOf(request))) own.set(keyOf(request), request);
    this.#submitted.set(replica, own);
    this.#ask(replica, request);
  }

  #ask(replica: ReplicaId, request: OrderingRequest): void {
    this.#world.submit(replica, request);
  }

  #of(replica: ReplicaId): Map<string, OrderingRequest> {
    return this.#submitted.get(replica) ?? new Map();
  }
}
