import {
  oneCorrect,
  primaryOf,
  type ReplicaId,
  type Resilience,
  type View,
} from '../kernel/ids.js';

/**
 * Agreement in two steps: a value that enough replicas have acknowledged in one view is decided, without a further
 * phase (Martin and Alvisi, "Fast Byzantine Consensus"), and what a later view may propose then. With the bound of
 * Kuznetsov, Tonkikh and Zhang (arXiv 2102.12825) and of Abraham and others (arXiv 2102.07240).
 */

/**
 * `t`, the silent replicas that the fast path bears: the largest of 1 to `f` with `n >= 3f + 2t - 1`. A cluster of
 * `3f + 1` has `t = 1`; one of `5f - 1` has `t = f`.
 */
export function silentBorne({ n, f }: Resilience): number {
  return Math.min(f, Math.floor((n - 3 * f + 1) / 2));
}

/** So many acknowledgements of one value in one view decide, the primary's own among them: `n - t`. */
export function fastQuorum(resilience: Resilience): number {
  return resilience.n - silentBorne(resilience);
}

/**
 * So many prepares of backups prove that: each backup has seen the primary's proposal, and of `n - t` with the primary at
 * most `f` lie, it or others.
 */
export function fastPrepares(resilience: Resilience): number {
  return Math.max(fastQuorum(resilience) - 1, oneCorrect(resilience));
}

/** A value in the view in which it was acknowledged, or certified. */
export interface InView<Value> {
  readonly view: View;
  readonly value: Value;
}

/** What one replica shows of one slot when it leaves a view. */
export interface TwoStepVote<Value> {
  readonly replica: ReplicaId;
  /**
   * The last value that it has acknowledged, signed by that view's primary; `null` for none. It counts only where the
   * primary was free to propose that value, which a proof of that view's start has shown.
   */
  readonly acked: InView<Value> | null;
  /** What a quorum acknowledged or decided, in the highest view that it has a certificate of. */
  readonly certified: InView<Value> | null;
}

export type TwoStepChoice<Value> =
  /** More votes are needed. */
  | { readonly kind: 'wait' }
  /** Nothing was decided, so any value will do. */
  | { readonly kind: 'free' }
  | {
      readonly kind: 'required';
      readonly value: Value;
      /** Whether a correct replica is known to have acknowledged it, so that it has judged it and holds it. */
      readonly isVouched: boolean;
    };

/**
 * What a new view has to propose for a slot, from the votes of different replicas that take part in no earlier view any
 * more. What was decided in an earlier view is required, in each set of votes; in any number of them, `n - f` at least.
 *
 * Views come first. Let `w` be the highest one acknowledged or certified in. If `v` was decided in a view before `w`,
 * then the start of `w` required it, and all that counts at `w` is `v`. So only what was decided at `w` is left to find.
 * A certificate of `w` has it, as two quorums share a correct replica, which acknowledges one value in a view; so does
 * the only value at `w`, as some correct replica that acknowledged the decided one votes. Two values were signed by the
 * primary of `w`, so it lies and its vote says nothing. Of `m` others at most `f - 1` lie, and `n - 1 - m` do not vote:
 * of the `n - t` that decided at least `n - t - f` are correct and others, so `m + 1 - f - t` of them vote. No second
 * value has so many, as `2 (m + 1 - f - t) > m` where `m >= n - f` and `n >= 3f + 2t - 1`.
 *
 * A value that only liars have acknowledged must not bind for ever. Without a certificate among `m` votes nothing was
 * decided by commits: of a quorum that committed one correct replica votes at least. And of the `n - t - f` correct ones
 * that decided by acknowledgements `m - f - t` vote. Where fewer show any, nothing was decided.
 */
export function twoStepChoice<Value>(
  votes: readonly TwoStepVote<Value>[],
  resilience: Resilience,
): TwoStepChoice<Value> {
  const { n, f } = resilience;
  if (votes.length < n - f) return { kind: 'wait' };
  const certificate = highest(votes.map(({ certified }) => certified));
  const last = highest([certificate, ...votes.map(({ acked }) => acked)]);
  if (last === null) return { kind: 'free' };
  const shown = votes.filter(({ acked }) => acked !== null).length;
  if (!certificate && shown < votes.length - f - silentBorne(resilience)) return { kind: 'free' };
  if (certificate?.view === last.view) return vouched(certificate.value);
  const isAlone = votes.every(
    ({ acked }) => acked?.view !== last.view || acked.value === last.value,
  );
  if (isAlone) return required(last.value, countOf(votes, last), resilience);
  const liar = primaryOf(resilience, last.view);
  const others = votes.filter(({ replica }) => replica !== liar);
  if (others.length < n - f) return { kind: 'wait' };
  const least = others.length + 1 - f - silentBorne(resilience);
  for (const { acked } of others) {
    if (acked?.view !== last.view) continue;
    const count = countOf(others, acked);
    if (count >= least) return required(acked.value, count, resilience);
  }
  return certificate ? vouched(certificate.value) : { kind: 'free' };
}

function highest<Value>(those: readonly (InView<Value> | null)[]): InView<Value> | null {
  return those.reduce((best, one) => (one && (!best || one.view > best.view) ? one : best), null);
}

function countOf<Value>(
  votes: readonly TwoStepVote<Value>[],
  { view, value }: InView<Value>,
): number {
  return votes.filter(({ acked }) => acked?.view === view && acked.value === value).length;
}

function vouched<Value>(value: Value): TwoStepChoice<Value> {
  return { kind: 'required', value, isVouched: true };
}

function required<Value>(
  value: Value,
  count: number,
  resilience: Resilience,
): TwoStepChoice<Value> {
  return { kind: 'required', value, isVouched: count >= oneCorrect(resilience) };
}
