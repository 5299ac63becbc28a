import { invariant, type StoredRecord } from '../../../kernel/core.js';
import {
  type Digest,
  oneCorrect,
  primaryOf,
  type ReplicaId,
  type View,
} from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { viewChangesBytesMax } from '../../new-view-sizes.js';
import { encodeOrderingSigned } from '../../statement-codec.js';
import type { Batch, OrderingMessage, OrderingMessageOf, SequenceNumber } from '../../types.js';
import type { Checkpoints } from '../checkpoints.js';
import { LostStore, LostStoreAllowance } from '../lost-store.js';
import type { AnyNewView, AnyViewChange, NewViewProposals, ViewRule } from './rule.js';
import type { SequenceState } from './state.js';

const NEW_VIEW = 'new-view';

/** Timeouts stop doubling after so many view changes without progress. */
const DOUBLINGS_MAX = 6;

export interface ViewEvents {
  entered(proposals: NewViewProposals): void;
}

/** When and how the primary is replaced (Castro and Liskov §4.4 and §4.5.2). */
export class ViewChanger<
  V extends AnyViewChange = AnyViewChange,
  N extends AnyNewView = AnyNewView,
> {
  readonly #rule: ViewRule<V, N>;
  readonly #state: SequenceState;
  readonly #checkpoints: Checkpoints;
  readonly #events: ViewEvents;
  readonly #received = new Map<ReplicaId, Signed<V>>();
  readonly #lost: LostStore;
  readonly #favours: LostStoreAllowance;
  #newView: Signed<N> | undefined;
  #proposals: NewViewProposals | undefined;
  /** View changes since something was last executed. */
  #failures = 0;
  #isWaiting = false;

  constructor(
    rule: ViewRule<V, N>,
    state: SequenceState,
    checkpoints: Checkpoints,
    events: ViewEvents,
  ) {
    this.#rule = rule;
    this.#state = state;
    this.#checkpoints = checkpoints;
    this.#events = events;
    // It may have asked for the view after one that a quorum was in or asked for (see `#ask`), and executed
    // what others have voted for within their window.
    this.#lost = new LostStore(state.outbox, ({ view, position }) => ({
      view: view + 1,
      position: position + 2 * state.options.checkpointInterval,
    }));
    this.#favours = new LostStoreAllowance(state.outbox);
  }

  /** Whether this replica has lost its store and takes no full part yet. */
  get isLost(): boolean {
    return this.#lost.isLost;
  }

  get forgottenThrough(): number | undefined {
    return this.#lost.forgottenThrough;
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

  /** Whether a correct replica is known to have judged what this view must have at a place. */
  isVouched(sequence: SequenceNumber): boolean {
    return this.#proposals?.unvouched?.has(sequence) !== true;
  }

  progressed(): void {
    if (this.#state.isActive) this.#failures = 0;
    this.#returnIfPast();
  }

  /**
   * A replica has lost its store. It may vote again in views that it has never been in, so the others leave this
   * one for its sake, now and then.
   */
  onLost(from: ReplicaId, { nonce, view: closed }: OrderingMessageOf<'lost'>): void {
    const { view, target, executed: position, isActive, outbox } = this.#state;
    // One that has lost its own store does not know how far it was.
    if (this.isLost) return;
    outbox.send(from, { kind: 'reach', nonce, view: target, position });
    if (closed < 1 || view > closed || !isActive || !this.#favours.take(from)) return;
    outbox.log('info', 'view-left-for-lost', { view, replica: from });
    this.#ask((view + 1) as View);
    this.#failures -= 1;
  }

  onReach(from: ReplicaId, message: OrderingMessageOf<'reach'>): void {
    if (!this.#lost.onReach(from, message)) return;
    this.#state.closedThrough = this.#lost.bound?.view ?? Number.POSITIVE_INFINITY;
    this.#returnIfPast();
  }

  /** A peer is there again, and may not have been asked. */
  greet(): void {
    this.#lost.ask();
  }

  /** The primary has had its time. */
  suspect(): void {
    if (!this.#state.isActive) return;
    const { view, primary, outbox } = this.#state;
    outbox.log('warn', 'primary-suspected', { view, primary });
    this.#ask((view + 1) as View);
  }

  onConfirmation(from: ReplicaId, { confirmations }: OrderingMessageOf<'confirmation'>): void {
    this.#rule.starts?.onMessage(from, confirmations);
  }

  onBatch(digest: Digest, batch: Batch): void {
    if (this.#rule.onBatch?.(digest, batch)) this.#openIfPrimary();
  }

  /** The host's judgements may have changed. */
  recheck(): void {
    this.#openIfPrimary();
  }

  /** Returns whether somebody asks anew: two that ask in vain do not keep each other awake. */
  onMessage(message: OrderingMessage): boolean {
    const read = this.#rule.forms.read(message);
    if (read?.kind === 'view-change') return this.#onViewChange(read.signed);
    if (read) this.#onNewView(read.signed);
    return false;
  }

  #onViewChange(viewChange: Signed<V>): boolean {
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

  #onNewView(newView: Signed<N>): void {
    const { view } = newView.statement;
    if (view > this.#state.shown) this.#state.shown = view;
    // One that has asked for a later view has promised to take no part in this one.
    if (view > this.#state.view && view >= this.#state.target) this.#enter(newView);
  }

  /** Returns false where the timer is not a view change's. */
  onTimer(name: string): boolean {
    if (this.#lost.onTimer(name)) return true;
    if (name !== NEW_VIEW) return false;
    this.#ask((this.#state.target + 1) as View);
    return true;
  }

  /** For a replica in an earlier view. */
  showView(replica: ReplicaId): void {
    if (!this.#newView) return;
    this.#state.outbox.send(replica, this.#rule.forms.newView(this.#newView));
    this.#rule.starts?.show(replica);
  }

  /** A view change is repeated until the new view comes, and what proves its start until it is proved. */
  sayAgain(): void {
    const { self, isActive } = this.#state;
    if (isActive) return this.#rule.starts?.sayAgain();
    this.#rule.sayAgain?.();
    const own = this.#received.get(self);
    if (own) this.#state.outbox.broadcast(this.#rule.forms.viewChange(own));
  }

  /** The view that this replica was in, and the one that it had asked for. */
  restore(records: readonly StoredRecord[]): void {
    const { outbox } = this.#state;
    const { forms } = this.#rule;
    this.#lost.restore(records);
    this.#rule.starts?.restore(records);
    if (this.isLost) this.#state.closedThrough = this.#lost.bound?.view ?? Number.POSITIVE_INFINITY;
    for (const [, bytes] of outbox.stored(records, 'new-view')) {
      const newView = forms.decodeNewView(bytes);
      const proposals = this.#settle(newView);
      this.#rule.starts?.begin(newView.statement.view, proposals);
    }
    for (const [, bytes] of outbox.stored(records, 'view-change')) {
      const own = forms.decodeViewChange(bytes);
      if (own.statement.view <= this.#state.view) continue;
      this.#state.target = own.statement.view;
      this.#received.set(this.#state.self, own);
    }
  }

  #ask(view: View): void {
    // What it once prepared it does not know, so it speaks for no view yet.
    if (this.isLost) return;
    const { outbox } = this.#state;
    invariant(view > this.#state.view, 'a replica asks for later views only');
    this.#state.target = view;
    this.#failures += 1;
    this.#isWaiting = false;
    outbox.stopTimer(NEW_VIEW);
    const own = outbox.sign(this.#rule.ask(view));
    outbox.persist('view-change', encodeOrderingSigned(own));
    outbox.broadcast(this.#rule.forms.viewChange(own));
    this.#onViewChange(own);
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
    const { target: view, self, options, outbox } = this.#state;
    if (view <= this.#state.view || primaryOf(options.resilience, view) !== self) return;
    const asking = [...this.#received.values()].filter(({ statement }) => statement.view === view);
    const newView = this.#newViewFrom(view, asking);
    if (newView) this.#enter(outbox.sign(newView));
  }

  /** From no more view changes than are needed, and the shortest: a liar may have made its own long. */
  #newViewFrom(view: View, asking: readonly Signed<V>[]): N | undefined {
    const shortest = [...asking].sort((a, b) => a.bytes.length - b.bytes.length);
    for (let count = this.#rule.least; count <= shortest.length; count += 1) {
      const chosen = shortest.slice(0, count);
      if (chosen.reduce((sum, { bytes }) => sum + bytes.length, 0) > viewChangesBytesMax) break;
      chosen.sort((a, b) => a.statement.replica - b.statement.replica);
      const newView = this.#rule.open(view, chosen);
      if (newView) return newView;
    }
    return undefined;
  }

  /** The new primary's time starts only once a quorum asks for it (§4.5.2). */
  #waitIfQuorum(): void {
    const { target, view, outbox } = this.#state;
    if (this.#isWaiting || target <= view) return;
    const asking = [...this.#received.values()].filter(({ statement }) => statement.view >= target);
    if (asking.length < this.#rule.least) return;
    this.#isWaiting = true;
    outbox.startTimer(NEW_VIEW, this.suspectAfterMs);
  }

  #enter(newView: Signed<N>): void {
    const { outbox, self } = this.#state;
    const { view, viewChanges } = newView.statement;
    invariant(view > this.#state.view, 'a replica enters later views only');
    invariant(
      !this.isLost ||
        view <= this.#state.closedThrough ||
        viewChanges.every(({ statement }) => statement.replica !== self),
      'a replica without its store comes back in a view that it never asked for',
    );
    outbox.persist('new-view', encodeOrderingSigned(newView));
    const proposals = this.#settle(newView);
    if (this.#state.primary === self) outbox.broadcast(this.#rule.forms.newView(newView));
    outbox.log('info', 'view-entered', { view: this.#state.view, primary: this.#state.primary });
    if (proposals.stable) this.#checkpoints.learn(proposals.stable);
    this.#events.entered(proposals);
    this.#rule.starts?.begin(view, proposals);
    if (this.isLost && view <= this.#state.closedThrough) this.#lost.ask();
    this.#returnIfPast();
  }

  /**
   * The new-view message of a view that this replica never was in holds all that may have committed before, from
   * others; it has executed that, so it shows it in its next view change.
   */
  #returnIfPast(): void {
    const { view, closedThrough, executed } = this.#state;
    if (!this.isLost || view <= closedThrough || executed < (this.#proposals?.last ?? 0)) return;
    this.#lost.end();
  }

  #settle(newView: Signed<N>): NewViewProposals {
    const { view } = newView.statement;
    this.#newView = newView;
    this.#state.view = view;
    this.#state.target = view;
    if (view > this.#state.shown) this.#state.shown = view;
    this.#state.isJustified = this.#rule.starts === undefined;
    this.#isWaiting = false;
    this.#state.outbox.stopTimer(NEW_VIEW);
    for (const [replica, { statement }] of this.#received) {
      if (statement.view <= view) this.#received.delete(replica);
    }
    const proposals = this.#rule.proposals(newView.statement);
    this.#proposals = proposals;
    return proposals;
  }
}
