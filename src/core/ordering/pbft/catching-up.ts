import type { ReplicaId } from '../../../vocabulary/ids.js';
import type { Checkpoints } from '../checkpoints.js';
import { inBatches } from '../pending.js';
import { nudgesMax, type Place, type Reminding } from '../reminders.js';
import type { PbftState } from './state.js';
import type { ViewChanger } from './view-change.js';
import type { Voter } from './voting.js';

/** Proofs, and requests, that go out at once; the other side asks for more. */
const CHUNK = 16;

/** What is said again, and what is shown to those that are behind. */
export class CatchingUp implements Reminding {
  readonly #state: PbftState;
  readonly #voter: Voter;
  readonly #views: ViewChanger;
  readonly #checkpoints: Checkpoints;

  constructor(state: PbftState, voter: Voter, views: ViewChanger, checkpoints: Checkpoints) {
    this.#state = state;
    this.#voter = voter;
    this.#views = views;
    this.#checkpoints = checkpoints;
  }

  get place(): Place {
    const { view, executed: position } = this.#state;
    return { view, position, stable: this.#checkpoints.low };
  }

  show(to: ReplicaId, { view, position, stable }: Place): boolean {
    const { low } = this.#checkpoints;
    if (view < this.#state.view) this.#views.showView(to);
    if (stable < low && position >= low) this.#checkpoints.show(to, 'stable');
    if (position < low) this.#checkpoints.show(to, 'state');
    else this.#showProofs(to, position);
    return position < this.#state.executed;
  }

  isBehind({ view, position, stable }: Place): boolean {
    const own = this.place;
    return position > own.position || stable > own.stable || view > own.view;
  }

  sayAgain(tries: number): boolean {
    const { log, isActive, pending, outbox } = this.#state;
    const open = [...log.values()].filter((entry) => this.#state.isOpen(entry));
    for (const entry of open.slice(0, CHUNK)) this.#voter.sayAgain(entry);
    for (const { committed } of open.slice(0, CHUNK)) {
      const digest = committed?.statement.digest;
      if (digest && !this.#state.batch(digest)) outbox.broadcast({ kind: 'fetch-batch', digest });
    }
    if (!isActive) this.#views.sayAgain();
    this.#checkpoints.sayAgain();
    this.#spreadRequests();
    const { isUnstable } = this.#checkpoints;
    // One that asks for a view alone, with nothing to gain, waits until another one asks.
    const isAsking = !isActive && tries < nudgesMax;
    return open.length > 0 || isAsking || pending.size > 0 || isUnstable;
  }

  /**
   * Its own to everybody, so that everybody watches the primary; it alone may be deaf to this client. Those
   * of others to the primary, as backups relay them (Castro and Liskov §4.2): whoever sent one may have
   * sent it here alone. A replica that has left its view does not know who that is.
   */
  #spreadRequests(): void {
    const { pending, self, options, outbox, primary, isActive } = this.#state;
    const olderThan = outbox.nowMs - options.resendAfterMs / 2;
    const old = (isOwn: boolean) =>
      inBatches(
        pending.first(
          CHUNK,
          ({ source, sinceMs }) => (source === self) === isOwn && sinceMs <= olderThan,
        ),
        options,
      );
    for (const batch of old(true)) outbox.broadcast({ kind: 'requests', batch });
    for (const batch of old(false)) {
      if (isActive) outbox.send(primary, { kind: 'requests', batch });
      else outbox.broadcast({ kind: 'requests', batch });
    }
  }

  /** Proofs of what the other lacks. */
  #showProofs(to: ReplicaId, position: number): void {
    const last = Math.min(position + CHUNK, this.#state.executed);
    for (let place = position + 1; place <= last; place += 1) {
      const commits = this.#state.log.get(place)?.committed;
      const batch = commits && this.#state.batch(commits.statement.digest);
      if (batch) this.#state.outbox.send(to, { kind: 'committed', commits, batch });
    }
  }
}
