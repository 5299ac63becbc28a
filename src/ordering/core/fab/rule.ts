import { fastQuorum } from '../../../agreement/two-step.js';
import { invariant } from '../../../kernel/core.js';
import type { Digest, Resilience, View } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { decodeOrderingSigned } from '../../statement-codec.js';
import { startOfView } from '../../two-step-table.js';
import {
  type Batch,
  type SequencePrepared,
  sequenceNumber,
  type TwoStepNewView,
  type TwoStepViewChange,
} from '../../types.js';
import type { Checkpoints } from '../checkpoints.js';
import type { LogEntry } from '../sequence/log-entry.js';
import type {
  NewViewProposals,
  RuleHost,
  RuleMaker,
  TravellingForms,
  ViewForms,
  ViewRule,
} from '../sequence/rule.js';
import type { SequenceState } from '../sequence/state.js';
import { ViewStarts } from './starts.js';

/** How its view changes and new views travel. */
export const fabForms: TravellingForms<TwoStepViewChange, TwoStepNewView> = {
  read: (message) => {
    if (message.kind === 'two-step-view-change')
      return { kind: 'view-change', signed: message.viewChange };
    if (message.kind === 'two-step-new-view') return { kind: 'new-view', signed: message.newView };
    return undefined;
  },
  viewChange: (viewChange) => ({ kind: 'two-step-view-change', viewChange }),
  newView: (newView) => ({ kind: 'two-step-new-view', newView }),
};

/** The view change where acknowledgements alone decide: see `agreement/two-step.ts`. */
class FabRule implements ViewRule<TwoStepViewChange, TwoStepNewView> {
  readonly forms: ViewForms<TwoStepViewChange, TwoStepNewView>;
  readonly least: number;
  readonly starts: ViewStarts;
  readonly #state: SequenceState;
  readonly #checkpoints: Checkpoints;
  readonly #host: RuleHost;
  /** Batches that a new view of this replica's waits for, by the place that they were acknowledged at. */
  readonly #wanted = new Map<Digest, number>();

  constructor(state: SequenceState, checkpoints: Checkpoints, host: RuleHost) {
    this.#state = state;
    this.#checkpoints = checkpoints;
    this.#host = host;
    this.starts = new ViewStarts(state, host);
    const { cluster, resilience } = state.options;
    this.least = resilience.n - resilience.f;
    this.forms = {
      ...fabForms,
      decodeViewChange: (bytes) => decodeOrderingSigned(cluster, bytes, 'two-step-view-change'),
      decodeNewView: (bytes) => decodeOrderingSigned(cluster, bytes, 'two-step-new-view'),
    };
  }

  ask(view: View): TwoStepViewChange {
    this.#wanted.clear();
    const { outbox, self, log } = this.#state;
    const entries = [...log.values()].sort((a, b) => a.sequence - b.sequence);
    const acked = entries.flatMap((entry) => ackedIn(entry));
    const views = new Set(acked.map(({ statement }) => statement.view).filter((one) => one > 0));
    return {
      kind: 'two-step-view-change',
      scope: outbox.scope,
      view,
      replica: self,
      stable: this.#checkpoints.stable?.certificate ?? null,
      acked,
      starts: [...views].sort((a, b) => a - b).map((one) => this.starts.of(one)),
      prepared: entries.flatMap((entry) => this.#shortened(certifiedIn(entry)) ?? []),
      committed: entries.flatMap((entry) => {
        const certified = certifiedIn(entry)?.prePrepare.statement.view ?? -1;
        const { committed } = entry;
        return committed && committed.statement.view > certified ? [committed] : [];
      }),
    };
  }

  /** For a view change what acknowledgements have decided is a certificate like others: a quorum of them says all. */
  #shortened(acks: SequencePrepared | undefined): SequencePrepared | undefined {
    if (!acks) return undefined;
    const signatures = acks.prepares.signatures.slice(0, this.#state.quorum - 1);
    return { ...acks, prepares: { ...acks.prepares, signatures } };
  }

  /**
   * A primary and one other liar may have acknowledged what nobody has: so a vote counts here once all that it
   * acknowledged is at hand, and may be required. Its sender hands it over if it is correct.
   */
  open(view: View, viewChanges: readonly Signed<TwoStepViewChange>[]): TwoStepNewView | undefined {
    const usable = viewChanges.filter(
      ({ statement }) => this.#isOfItsLog(statement) && this.#isAtHand(statement),
    );
    const statements = usable.map(({ statement }) => statement);
    const { outbox, options } = this.#state;
    if (usable.length < this.least || !startOfView(statements, options.resilience))
      return undefined;
    this.#wanted.clear();
    return { kind: 'two-step-new-view', scope: outbox.scope, view, viewChanges: usable };
  }

  sayAgain(): void {
    for (const digest of this.#wanted.keys()) {
      this.#state.outbox.broadcast({ kind: 'fetch-batch', digest });
    }
  }

  onBatch(digest: Digest, batch: Batch): boolean {
    const place = this.#wanted.get(digest);
    if (place !== undefined) this.#state.learnBatch(digest, batch, place);
    return this.#wanted.delete(digest);
  }

  proposals({ viewChanges }: TwoStepNewView): NewViewProposals {
    const statements = viewChanges.map(({ statement }) => statement);
    const start = startOfView(statements, this.#state.options.resilience);
    invariant(start !== undefined, 'a new view that was checked has a start');
    const { stable, table, unvouched } = start;
    const digests = new Map(
      table.digests.map((digest, index) => [sequenceNumber(table.low + 1 + index), digest]),
    );
    return { stable, digests, last: table.low + table.digests.length, unvouched };
  }

  /** A correct replica acknowledges what its log has room for, so a liar makes nobody keep more batches than that. */
  #isOfItsLog({ stable, acked }: TwoStepViewChange): boolean {
    const low = stable?.statement.position ?? 0;
    const last = low + 2 * this.#state.options.checkpointInterval;
    return acked.every(({ statement }) => statement.sequence <= last);
  }

  #isAtHand({ replica, acked }: TwoStepViewChange): boolean {
    const { outbox } = this.#state;
    let isAtHand = true;
    for (const { statement } of acked) {
      const { sequence, digest } = statement;
      if (sequence <= this.#checkpoints.low) continue;
      const batch = this.#state.batch(digest);
      if (batch) isAtHand = this.#host.judgeRequired(batch) === 'accept' && isAtHand;
      else {
        if (!this.#wanted.has(digest)) outbox.send(replica, { kind: 'fetch-batch', digest });
        this.#wanted.set(digest, sequence);
        isAtHand = false;
      }
    }
    return isAtHand;
  }
}

/** The certificate of the highest view. */
function certifiedIn({ prepared, fast }: LogEntry): SequencePrepared | undefined {
  return fast && viewOf(fast) >= viewOf(prepared) ? fast : prepared;
}

/** What a certificate of its view, or of a later one, says as well need not be shown. */
function ackedIn(entry: LogEntry): TwoStepViewChange['acked'] {
  const prePrepare = entry.accepted?.prePrepare;
  const committed = entry.committed?.statement.view ?? -1;
  const certified = Math.max(viewOf(certifiedIn(entry)), committed);
  return prePrepare && prePrepare.statement.view > certified ? [prePrepare] : [];
}

function viewOf(prepared: SequencePrepared | undefined): number {
  return prepared?.prePrepare.statement.view ?? -1;
}

/** The rule for a cluster of this size. */
export function fabRule(resilience: Resilience): RuleMaker<TwoStepViewChange, TwoStepNewView> {
  return {
    fastQuorum: fastQuorum(resilience),
    make: (state, checkpoints, host) => new FabRule(state, checkpoints, host),
  };
}
