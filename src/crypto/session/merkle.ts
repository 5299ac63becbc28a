import { createHash } from 'node:crypto';
import type { Digest } from '../../vocabulary/ids.js';
import type { OperationOutcome, OutcomeProof } from '../../vocabulary/session.js';
import { encodeOutcome } from '../../wire/session/index.js';

// Leaves and inner nodes are hashed apart, so that none passes for the other (RFC 6962 §2.1).
const leafPrefix = Uint8Array.of(0);
const innerPrefix = Uint8Array.of(1);

/** The outcomes of a position as a Merkle tree. A node without a sibling goes up as it is. */
export class OutcomeTree {
  /** From the leaves up to the root. */
  readonly #levels: readonly (readonly Digest[])[];

  /** Throws `RangeError` for no outcomes. */
  constructor(outcomes: readonly OperationOutcome[]) {
    if (outcomes.length === 0) throw new RangeError('a tree without leaves');
    const levels: Digest[][] = [outcomes.map(digestOfLeaf)];
    for (let level = levels[0] ?? []; level.length > 1; ) {
      level = parents(level);
      levels.push(level);
    }
    this.#levels = levels;
  }

  get root(): Digest {
    return this.#levels.at(-1)?.[0] as Digest;
  }

  /** From the outcome at this place up to the root. */
  path(index: number): OutcomeProof['path'] {
    const path: OutcomeProof['path'][number][] = [];
    let at = index;
    for (const level of this.#levels) {
      const digest = level[at ^ 1];
      if (digest !== undefined) path.push({ side: at % 2 === 0 ? 'right' : 'left', digest });
      at >>= 1;
    }
    return path;
  }
}

/** The root that an outcome and its path lead to. */
export function rootOf({ outcome, path }: Pick<OutcomeProof, 'outcome' | 'path'>): Digest {
  return path.reduce(
    (node, { side, digest }) =>
      side === 'left' ? digestOfPair(digest, node) : digestOfPair(node, digest),
    digestOfLeaf(outcome),
  );
}

function parents(level: readonly Digest[]): Digest[] {
  return Array.from({ length: Math.ceil(level.length / 2) }, (_, index) => {
    const left = level[2 * index] as Digest;
    const right = level[2 * index + 1];
    return right === undefined ? left : digestOfPair(left, right);
  });
}

function digestOfLeaf(outcome: OperationOutcome): Digest {
  return createHash('sha256')
    .update(leafPrefix)
    .update(encodeOutcome(outcome))
    .digest('hex') as Digest;
}

function digestOfPair(left: Digest, right: Digest): Digest {
  return createHash('sha256')
    .update(innerPrefix)
    .update(left, 'hex')
    .update(right, 'hex')
    .digest('hex') as Digest;
}
