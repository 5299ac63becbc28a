import type { View } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { decodeOrderingSigned } from '../../statement-codec.js';
import type { SequenceNewView, SequenceViewChange } from '../../types.js';
import type { Checkpoints } from '../checkpoints.js';
import type {
  NewViewProposals,
  RuleMaker,
  TravellingForms,
  ViewForms,
  ViewRule,
} from '../sequence/rule.js';
import type { SequenceState } from '../sequence/state.js';
import { evidenceIn, recomputeProposals } from './new-view.js';

/** How its view changes and new views travel. */
export const pbftForms: TravellingForms<SequenceViewChange, SequenceNewView> = {
  read: (message) => {
    if (message.kind === 'view-change') return { kind: message.kind, signed: message.viewChange };
    if (message.kind === 'new-view') return { kind: message.kind, signed: message.newView };
    return undefined;
  },
  viewChange: (viewChange) => ({ kind: 'view-change', viewChange }),
  newView: (newView) => ({ kind: 'new-view', newView }),
};

/** The view change of Castro and Liskov (§4.4): a new view keeps what prepared. */
class PbftRule implements ViewRule<SequenceViewChange, SequenceNewView> {
  readonly forms: ViewForms<SequenceViewChange, SequenceNewView>;
  readonly least: number;
  readonly #state: SequenceState;
  readonly #checkpoints: Checkpoints;

  constructor(state: SequenceState, checkpoints: Checkpoints) {
    this.#state = state;
    this.#checkpoints = checkpoints;
    this.least = state.quorum;
    const { cluster } = state.options;
    this.forms = {
      ...pbftForms,
      decodeViewChange: (bytes) => decodeOrderingSigned(cluster, bytes, 'view-change'),
      decodeNewView: (bytes) => decodeOrderingSigned(cluster, bytes, 'new-view'),
    };
  }

  ask(view: View): SequenceViewChange {
    const { outbox, self, log } = this.#state;
    const stable = this.#checkpoints.stable?.certificate ?? null;
    const evidence = evidenceIn(log.values());
    return { kind: 'view-change', scope: outbox.scope, view, replica: self, stable, ...evidence };
  }

  open(view: View, viewChanges: readonly Signed<SequenceViewChange>[]): SequenceNewView {
    return { kind: 'new-view', scope: this.#state.outbox.scope, view, viewChanges };
  }

  proposals({ viewChanges }: SequenceNewView): NewViewProposals {
    return recomputeProposals(viewChanges.map(({ statement }) => statement));
  }
}

export const pbftRule: RuleMaker<SequenceViewChange, SequenceNewView> = {
  make: (state, checkpoints) => new PbftRule(state, checkpoints),
};
