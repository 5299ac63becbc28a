import type { Group } from '../cluster/members.js';
import type { FaultKind } from './fault.js';

/** How long nothing was committed after something happened. */
export interface Outage {
  readonly after: 'primary-death' | 'heal';
  /** `undefined`: nothing was committed for as long as we waited. */
  readonly tookMs: number | undefined;
  /** Fewer than two banks were well meanwhile, so that nothing could be committed for a time. */
  readonly obstructed: boolean;
}

/** What was done to the cluster, and how long it did not serve. */
export class Tally {
  readonly outages: Outage[] = [];
  #primaryDeaths = 0;
  readonly #counts = new Map<string, number>();

  add(kind: FaultKind, group: Group, nodes: number): void {
    const key = `${kind} ${group}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + nodes);
  }

  addPrimaryDeath(): void {
    this.#primaryDeaths += 1;
  }

  get primaryDeaths(): number {
    return this.#primaryDeaths;
  }

  of(kind: FaultKind, group: Group): number {
    return this.#counts.get(`${kind} ${group}`) ?? 0;
  }

  total(kind: FaultKind): number {
    return [...this.#counts]
      .filter(([key]) => key.startsWith(`${kind} `))
      .reduce((sum, [, count]) => sum + count, 0);
  }
}
