import { randomInt } from 'node:crypto';
import type { CoordinatorMember } from '../../vocabulary/cluster.js';

/** The coordinators in the order in which a client goes to them, round and round. */
export class HomeLine {
  readonly #line: readonly CoordinatorMember[];
  /** Counts the times that the client has gone on. */
  turn = 0;

  /** Begins at the one of this name, or at any. Throws `RangeError` where there is none. */
  constructor(coordinators: readonly CoordinatorMember[], first: string | undefined) {
    this.#line = lineFrom(coordinators, first);
  }

  get length(): number {
    return this.#line.length;
  }

  get home(): CoordinatorMember {
    const home = this.#line[this.turn % this.#line.length];
    if (home === undefined) throw new RangeError('the cluster has no coordinators');
    return home;
  }
}

/** All of them, the home first. */
function lineFrom(
  coordinators: readonly CoordinatorMember[],
  home: string | undefined,
): readonly CoordinatorMember[] {
  const named = coordinators.findIndex(({ name }) => name === home);
  if (home !== undefined && named < 0)
    throw new RangeError(`the cluster has no coordinator ${home}`);
  const first = named >= 0 ? named : randomInt(coordinators.length);
  return [...coordinators.slice(first), ...coordinators.slice(0, first)];
}
