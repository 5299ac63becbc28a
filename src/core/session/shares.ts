import type { ClientId, ReplicaId } from '../../vocabulary/ids.js';
import { invariant } from '../invariant.js';
import { heldLimits } from './options.js';

/** What somebody takes up of the places for what is not final. */
export interface Usage {
  readonly sessions: number;
  readonly operations: number;
  readonly bytes: number;
}

const kinds = ['sessions', 'operations', 'bytes'] as const;
const nothing: Usage = { sessions: 0, operations: 0, bytes: 0 };

/** Whose share is used up, and what of it. */
export interface FullShare {
  readonly of: 'replica' | 'owner';
  readonly what: (typeof kinds)[number];
}

/**
 * The places for what is not final, shared out: by the replica that brings it, this one for its own
 * clients, and of each of those shares by owner. So a replica or an owner that fills its share takes
 * nothing from the others.
 */
export class Shares {
  readonly #used = new Map<string, Usage>();
  readonly #ofReplica: Usage;
  readonly #ofOwner: Usage;

  /** For so many replicas. */
  constructor(n: number) {
    this.#ofReplica = divided(heldLimits, n);
    this.#ofOwner = divided(this.#ofReplica, heldLimits.ownersInFull);
  }

  /** The share that has no room for this, if there is one. */
  fullFor(from: ReplicaId, owner: ClientId, more: Usage): FullShare | undefined {
    const ofOwner = fullOf(this.#of(nameOf(from, owner)), more, this.#ofOwner);
    if (ofOwner) return { of: 'owner', what: ofOwner };
    const ofReplica = fullOf(this.#of(nameOf(from)), more, this.#ofReplica);
    return ofReplica && { of: 'replica', what: ofReplica };
  }

  take(from: ReplicaId, owner: ClientId, usage: Partial<Usage>): void {
    this.#add(from, owner, usage, 1);
  }

  giveBack(from: ReplicaId, owner: ClientId, usage: Partial<Usage>): void {
    this.#add(from, owner, usage, -1);
  }

  #of(name: string): Usage {
    return this.#used.get(name) ?? nothing;
  }

  #add(from: ReplicaId, owner: ClientId, change: Partial<Usage>, sign: 1 | -1): void {
    for (const name of [nameOf(from), nameOf(from, owner)]) {
      const used = this.#of(name);
      const after = {
        sessions: used.sessions + sign * (change.sessions ?? 0),
        operations: used.operations + sign * (change.operations ?? 0),
        bytes: used.bytes + sign * (change.bytes ?? 0),
      };
      invariant(
        kinds.every((kind) => after[kind] >= 0),
        'no more of a share is given back than was taken',
      );
      if (kinds.every((kind) => after[kind] === 0)) this.#used.delete(name);
      else this.#used.set(name, after);
    }
  }
}

function nameOf(from: ReplicaId, owner?: ClientId): string {
  return owner === undefined ? `${from}` : `${from} ${owner}`;
}

function divided({ sessions, operations, bytes }: Usage, by: number): Usage {
  return {
    sessions: Math.floor(sessions / by),
    operations: Math.floor(operations / by),
    bytes: Math.floor(bytes / by),
  };
}

function fullOf(used: Usage, more: Usage, share: Usage): (typeof kinds)[number] | undefined {
  return kinds.find((kind) => more[kind] > 0 && used[kind] + more[kind] > share[kind]);
}
