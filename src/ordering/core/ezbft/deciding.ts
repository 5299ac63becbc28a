import { invariant } from '../../../kernel/core.js';
import type { Resilience } from '../../../kernel/ids.js';
import type { Dependencies, Instance, InstanceValue } from '../../instance-types.js';

/**
 * How an instance is decided. Each correct replica says one thing of it, ever: a value, where it got the leader's
 * batch, or that it will name none (`null`). In a value it names every interfering instance that it named a value
 * of before. `n` equal values decide (**fast**). Where they differ or are missing, the Decision Module, which
 * puts such instances one after the other, **settles** the instance by what `n - f` or more replicas said of it.
 *
 * Why two interfering instances A and x that are decided as batches never both lack the other:
 * - Both fast: a correct replica said a value of both, and the later one names the earlier.
 * - x fast without A: every correct replica named x in its value of A. A candidate without x has `f + 1` values,
 *   one of them of a correct replica, so it has x; so has a merged value, since `f + 1` values of the `2f + 1` do.
 * - Both settled, x before A, x without A: A's merged value takes x in, and a candidate without x is not taken.
 *
 * Why a fast decision stands: of `m` replicas `m - f` said its value, so it is the candidate. If x was settled
 * before without A, and the candidate w lacks x, then w is not fast: x's value leans on a correct replica's that
 * lacks A, so that replica said x before A, and would name x in its value of A.
 */
export interface Weighed {
  /** The one value that may have been decided fast, where there is one. */
  readonly candidate: InstanceValue | undefined;
  /** What the replies make together, where there are enough for one batch. */
  readonly merged: InstanceValue | undefined;
}

/** What so many replicas, `n - f` at least, said of one instance. */
export function weigh(said: readonly (InstanceValue | null)[], resilience: Resilience): Weighed {
  const { n, f } = resilience;
  invariant(said.length >= n - f && said.length <= n, 'n - f replicas or more settle an instance');
  const values = said.filter((value) => value !== null);
  const candidate = values.find((value) => countOf(values, value) >= said.length - f);
  const merged = mergedOf(values, f);
  invariant(
    !candidate || !merged || candidate.digest === merged.digest,
    'no f replicas outvote the others',
  );
  return { candidate, merged };
}

/** Whether so many replies make a no-op of an instance of which those that are missing may make a batch. */
export function mayBecomeMore(
  said: readonly (InstanceValue | null)[],
  resilience: Resilience,
): boolean {
  const { candidate, merged } = weigh(said, resilience);
  if (candidate ?? merged) return false;
  const missing = resilience.n - said.length;
  return (
    mostOfOneBatch(said.filter((value) => value !== null)).length + missing >= 2 * resilience.f + 1
  );
}

/** An instance that was settled before, and interferes with this one. */
export interface Settled {
  readonly instance: Instance;
  readonly value: InstanceValue;
}

/** The value that the instance has, given all that interferes and was settled before; `null` for a no-op. */
export function settle(
  instance: Instance,
  { candidate, merged }: Weighed,
  interfering: readonly Settled[],
): InstanceValue | null {
  const without = interfering.filter(({ value }) => !names(value.deps, instance));
  if (candidate && without.every((other) => names(candidate.deps, other.instance))) {
    return candidate;
  }
  if (!merged) return null;
  const deps = [...merged.deps];
  for (const { instance: other } of without) {
    deps[other.space] = Math.max(deps[other.space] ?? 0, other.index);
  }
  return { ...merged, deps };
}

export function names(deps: Dependencies, { space, index }: Instance): boolean {
  return (deps[space] ?? 0) >= index;
}

export function isSameValue(a: InstanceValue, b: InstanceValue): boolean {
  if (a.digest !== b.digest || a.touched !== b.touched) return false;
  for (let space = 0; space < a.deps.length; space += 1) {
    if (a.deps[space] !== b.deps[space]) return false;
  }
  return true;
}

/** All that is in one or the other. */
export function union(a: Dependencies, b: Dependencies): Dependencies {
  return a.map((index, space) => Math.max(index, b[space] ?? 0));
}

function countOf(values: readonly InstanceValue[], value: InstanceValue): number {
  return values.filter((other) => isSameValue(other, value)).length;
}

/**
 * Of `2f + 1` values or more of one batch, what `f + 1` of them name in each space: what all correct ones name is
 * in it, and nothing that only liars do.
 */
function mergedOf(values: readonly InstanceValue[], f: number): InstanceValue | undefined {
  const most = mostOfOneBatch(values);
  const [first] = most;
  if (!first || most.length < 2 * f + 1) return undefined;
  return { ...first, deps: namedByMoreThan(f, most) };
}

/** The values of the batch that most of them have; of two such batches of the one with the lower digest. */
function mostOfOneBatch(values: readonly InstanceValue[]): readonly InstanceValue[] {
  const names = [...new Set(values.map(nameOf))].sort();
  const batches = names.map((name) => values.filter((value) => nameOf(value) === name));
  const most = Math.max(0, ...batches.map(({ length }) => length));
  return batches.find(({ length }) => length === most) ?? [];
}

function nameOf({ digest, touched }: InstanceValue): string {
  return [digest, touched].join();
}

function namedByMoreThan(f: number, replies: readonly InstanceValue[]): Dependencies {
  return (replies[0]?.deps ?? []).map((_, space) => {
    const named = replies.map(({ deps }) => deps[space] ?? 0).sort((a, b) => b - a);
    return named[f] ?? 0;
  });
}
