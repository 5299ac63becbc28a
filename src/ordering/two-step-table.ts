import { type InView, type TwoStepVote, twoStepChoice } from '../agreement/two-step.js';
import type { Digest, Resilience } from '../kernel/ids.js';
import { nullDigest } from './batch-codec.js';
import type { TwoStepViewChange, ViewTable } from './two-step-types.js';
import type { CheckpointCertificate, SequencePhase } from './types.js';

/** What a view starts from. Everybody computes it alike from the same view changes. */
export interface StartOfView {
  readonly stable: CheckpointCertificate | null;
  readonly table: ViewTable;
  /** Places whose batch no correct replica is known to have judged: those that vote for it do. */
  readonly unvouched: ReadonlySet<number>;
}

/**
 * For each place above the highest stable checkpoint what `twoStepChoice` requires, and a null request where it
 * requires nothing. `undefined` where more view changes are needed.
 */
export function startOfView(
  viewChanges: readonly TwoStepViewChange[],
  resilience: Resilience,
): StartOfView | undefined {
  const stable = highestStable(viewChanges);
  const low = stable?.statement.position ?? 0;
  const ballots = viewChanges.map(ballotOf);
  const last = Math.max(
    low,
    ...ballots.flatMap(({ acked, certified }) => [...acked.keys(), ...certified.keys()]),
  );
  const digests: Digest[] = [];
  const unvouched = new Set<number>();
  for (let place = low + 1; place <= last; place += 1) {
    const votes = ballots.map(({ replica, acked, certified }): TwoStepVote<Digest> => {
      return { replica, acked: acked.get(place) ?? null, certified: certified.get(place) ?? null };
    });
    const choice = twoStepChoice(votes, resilience);
    if (choice.kind === 'wait') return undefined;
    digests.push(choice.kind === 'free' ? nullDigest : choice.value);
    if (choice.kind === 'required' && !choice.isVouched) unvouched.add(place);
  }
  return { stable, table: { low, digests }, unvouched };
}

/** Whether the primary of a view that starts so may propose this digest at this place. */
export function allows({ low, digests }: ViewTable, { sequence, digest }: SequencePhase): boolean {
  if (sequence <= low) return false;
  const required = digests[sequence - low - 1];
  return required === undefined || required === digest;
}

function highestStable(viewChanges: readonly TwoStepViewChange[]): CheckpointCertificate | null {
  return viewChanges.reduce<CheckpointCertificate | null>((best, { stable }) => {
    return stable && stable.statement.position > (best?.statement.position ?? 0) ? stable : best;
  }, null);
}

/** What one view change shows, by place. */
function ballotOf({ replica, acked, prepared, committed }: TwoStepViewChange) {
  const certified = new Map<number, InView<Digest>>();
  const shown = [...prepared.map(({ prePrepare }) => prePrepare), ...committed];
  for (const { statement } of shown) {
    const known = certified.get(statement.sequence);
    if (!known || known.view < statement.view) certified.set(statement.sequence, inView(statement));
  }
  const last = new Map(
    acked.map(({ statement }) => [Number(statement.sequence), inView(statement)]),
  );
  return { replica, acked: last, certified };
}

function inView({ view, digest }: SequencePhase): InView<Digest> {
  return { view, value: digest };
}
