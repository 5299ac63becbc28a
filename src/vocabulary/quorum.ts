import type { ReplicaId, View } from './ids.js';

/** How many replicas there are and how many of them may be Byzantine: `n >= 3f + 1`. */
export interface Resilience {
  readonly n: number;
  readonly f: number;
}

/** Throws `RangeError` where `n < 3f + 1` or a number is not a whole one. */
export function resilience(n: number, f: number): Resilience {
  if (!Number.isSafeInteger(n) || !Number.isSafeInteger(f) || f < 0 || n < 3 * f + 1) {
    throw new RangeError(`n = ${n} replicas cannot tolerate f = ${f}: n must be at least 3f + 1`);
  }
  return { n, f };
}

/** Any two quorums share at least one correct replica: `ceil((n + f + 1) / 2)`. */
export function quorum({ n, f }: Resilience): number {
  return Math.ceil((n + f + 1) / 2);
}

/** At least one of so many is correct: `f + 1`. */
export function oneCorrect({ f }: Resilience): number {
  return f + 1;
}

/**
 * Other replicas that a replica without memory has to hear, `2f + 1` where `n = 3f + 1`: any quorum that
 * it was in shares `f + 1` of them with these, one of which is correct.
 */
export function witnesses(resilience: Resilience): number {
  return resilience.n + resilience.f + 1 - quorum(resilience);
}

/** The primary of a view. */
export function primaryOf({ n }: Resilience, view: View): ReplicaId {
  return (view % n) as ReplicaId;
}
