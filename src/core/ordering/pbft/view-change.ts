import type { Digest, ReplicaId, View } from '../../../vocabulary/ids.js';
import type {
  CheckpointCertificate,
  SequenceNewView,
  SequenceNumber,
  SequencePrepared,
  SequenceViewChange,
} from '../../../vocabulary/ordering.js';
import { oneCorrect, primaryOf } from '../../../vocabulary/quorum.js';
import type { Signed } from '../../../vocabulary/statements.js';
import { decodeOrderingSigned, encodeOrderingSigned } from '../../../wire/ordering/index.js';
import type { StoredRecord } from '../../effects.js';
import type { Checkpoints } from '../checkpoints.js';
import { nullDigest, type PbftState } from './state.js';

const NEW_VIEW = 'new-view';

/** Timeouts stop doubling after so many view changes without progress. */
const DOUBLINGS_MAX = 6;

/** What a new view starts from. Everybody computes it alike from the same view changes. */
export interface NewViewProposals {
  readonly stable: CheckpointCertificate | null;
  /** One for each place above the stable checkpoint, up to `last`; null requests fill the gaps. */
  readonly digests: ReadonlyMap<SequenceNumber, Digest>;
  readonly last: number;
}

export interface ViewEvents {
  entered(proposals: NewViewProposals): void;
}

/** When and how the primary is replaced (Castro and Liskov §4.4 and §4.5.2). */
export class ViewChanger {
  readonly #state: PbftState;
  readonly #checkpoints: Checkpoints;
  readonly #events: ViewEvents;
  readonly #received = new Map<ReplicaId, Signed<SequenceViewChange>>();
  #newView: Signed<SequenceNewView> | undefined;
  #proposals: NewViewProposals | undefined;
  /** View changes since something was last executed. */
  #failures = 0;
  #isWaiting = false;

  constructor(state: PbftState, checkpoints: Checkpoints, events: ViewEvents) {
    this.#state = state;
    this.#checkpoints = checkpoints;
    this.#events = events;
  }

  /** How long a request may wait now. */
  get suspectAfterMs(): number {
    return this.#state.options.suspectAfterMs * 2 ** Math.min(this.#failures, DOUBLINGS_MAX);
  }

  get proposals(): NewViewProposals | undefined {
    return this.#proposals;
  }

  /** The batch that this view must have at a place; `null` for none, `undefined` for any. */
  required(sequence: SequenceNumber): Digest | null | undefined {
    if (!this.#proposals || sequence > this.#proposals.last) return undefined;
    return this.#proposals.digests.get(sequence) ?? null;
  }

  progressed(): void {
    if (this.#state.isActive) this.#failures = 0;
  }

  /** The primary has had its time. */
  suspect(): void {
    if (!this.#state.isActive) return;
    const { view, primary, outbox } = this.#state;
    outbox.log('warn', 'primary-suspected', { view, primary });
    this.#ask((view + 1) as View);
  }

  /** Returns whether it is news: two that ask in vain do not keep each other awake. */
  onViewChange(viewChange: Signed<SequenceViewChange>): boolean {
    const { view, replica } = viewChange.statement;
    if (view <= this.#state.view) {
      this.showView(replica);
      return false;
    }
    const known = this.#received.get(replica)?.statement.view;
    if (known !== undefined && known >= view) return false;
    this.#received.set(replica, viewChange);
    this.#joinIfOthersAreAhead();
    this.#openIfPrimary();
    this.#waitIfQuorum();
    return true;
  }

  onNewView(newView: Signed<SequenceNewView>): void {
    const { view } = newView.statement;
    // One that has asked for a later view has promised to take no part in this one.
    if (view > this.#state.view && view >= this.#state.target) this.#enter(newView);
  }

  /** Returns false where the timer is not a view change's. */
  onTimer(name: string): boolean {
    if (name !== NEW_VIEW) return false;
    this.#ask((this.#state.target + 1) as View);
    return true;
  }

  /** For whoever is in an earlier view. */
  showView(replica: ReplicaId): void {
    if (this.#newView) {
      this.#state.outbox.send(replica, { kind: 'new-view', newView: this.#newView });
    }
  }

  /** A view change is repeated until the new view comes. */
  sayAgain(): void {
    const own = this.#received.get(this.#state.self);
    if (own) this.#state.outbox.broadcast({ kind: 'view-change', viewChange: own });
  }

  /** The view that this replica was in, and the one that it had asked for. */
  restore(records: readonly StoredRecord[]): void {
    const { outbox, options } = this.#state;
    for (const [, bytes] of outbox.stored(records, 'new-view')) {
      this.#settle(decodeOrderingSigned(options.cluster, bytes, 'new-view'));
    }
    for (const [, bytes] of outbox.stored(records, 'view-change')) {
      const own = decodeOrderingSigned(options.cluster, bytes, 'view-change');
      if (own.statement.view <= this.#state.view) continue;
      this.#state.target = own.statement.view;
      this.#received.set(this.#state.self, own);
    }
  }

  #ask(view: View): void {
    const { outbox, self, log } = this.#state;
    this.#state.target = view;
    this.#failures += 1;
    this.#isWaiting = false;
    outbox.stopTimer(NEW_VIEW);
    const prepared = [...log.values()]
      .flatMap((entry) => (entry.prepared ? [entry.prepared] : []))
      .sort((a, b) => placeOf(a) - placeOf(b));
    const own = outbox.sign<SequenceViewChange>({
      kind: 'view-change',
      scope: outbox.scope,
      view,
      replica: self,
      stable: this.#checkpoints.stable?.certificate ?? null,
      prepared,
    });
    outbox.persist('view-change', encodeOrderingSigned(own));
    outbox.broadcast({ kind: 'view-change', viewChange: own });
    this.onViewChange(own);
  }

  /** `f + 1` are ahead, so one correct replica has a reason. One alone moves nobody. */
  #joinIfOthersAreAhead(): void {
    const { target, options } = this.#state;
    const ahead = [...this.#received.values()]
      .map(({ statement }) => statement.view)
      .filter((view) => view > target);
    if (ahead.length < oneCorrect(options.resilience)) return;
    this.#ask(Math.min(...ahead) as View);
  }

  #openIfPrimary(): void {
    const { target: view, self, options, quorum, outbox } = this.#state;
    if (view <= this.#state.view || primaryOf(options.resilience, view) !== self) return;
    const viewChanges = [...this.#received.values()]
      .filter(({ statement }) => statement.view === view)
      .sort((a, b) => a.statement.replica - b.statement.replica);
    if (viewChanges.length < quorum) return;
    const { scope } = outbox;
    const newView = outbox.sign<SequenceNewView>({ kind: 'new-view', scope, view, viewChanges });
    this.#enter(newView);
  }

  /** The new primary's time starts only once a quorum asks for it (§4.5.2). */
  #waitIfQuorum(): void {
    const { target, view, quorum, outbox } = this.#state;
    if (this.#isWaiting || target <= view) return;
    const asking = [...this.#received.values()].filter(({ statement }) => statement.view >= target);
    if (asking.length < quorum) return;
    this.#isWaiting = true;
    outbox.startTimer(NEW_VIEW, this.suspectAfterMs);
  }

  #enter(newView: Signed<SequenceNewView>): void {
    const { outbox, self } = this.#state;
    outbox.persist('new-view', encodeOrderingSigned(newView));
    const proposals = this.#settle(newView);
    if (this.#state.primary === self) outbox.broadcast({ kind: 'new-view', newView });
    outbox.log('info', 'view-entered', { view: this.#state.view, primary: this.#state.primary });
    if (proposals.stable) this.#checkpoints.learn(proposals.stable);
    this.#events.entered(proposals);
  }

  #settle(newView: Signed<SequenceNewView>): NewViewProposals {
    const { view, viewChanges } = newView.statement;
    this.#newView = newView;
    this.#state.view = view;
    this.#state.target = view;
    this.#isWaiting = false;
    this.#state.outbox.stopTimer(NEW_VIEW);
    for (const [replica, { statement }] of this.#received) {
      if (statement.view <= view) this.#received.delete(replica);
    }
    const proposals = recomputeProposals(viewChanges.map(({ statement }) => statement));
    this.#proposals = proposals;
    return proposals;
  }
}

/**
 * Castro and Liskov §4.4: for each place above the highest stable checkpoint the batch that prepared in
 * the highest view; a null request where none did. A primary cannot choose, so none is believed.
 */
export function recomputeProposals(viewChanges: readonly SequenceViewChange[]): NewViewProposals {
  let stable: CheckpointCertificate | null = null;
  for (const { stable: one } of viewChanges) {
    if (one && one.statement.position > (stable?.statement.position ?? 0)) stable = one;
  }
  const low = stable?.statement.position ?? 0;
  const highest = new Map<number, SequencePrepared>();
  for (const prepared of viewChanges.flatMap((viewChange) => viewChange.prepared)) {
    const known = highest.get(placeOf(prepared));
    if (!known || viewOf(prepared) > viewOf(known)) highest.set(placeOf(prepared), prepared);
  }
  const last = Math.max(low, ...highest.keys());
  const digests = new Map<SequenceNumber, Digest>();
  for (let place = low + 1; place <= last; place += 1) {
    const prepared = highest.get(place)?.prePrepare.statement.digest;
    digests.set(place as SequenceNumber, prepared ?? nullDigest);
  }
  return { stable, digests, last };
}

function placeOf({ prePrepare }: SequencePrepared): number {
  return prePrepare.statement.sequence;
}

function viewOf({ prePrepare }: SequencePrepared): View {
  return prePrepare.statement.view;
}
