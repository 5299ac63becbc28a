import type { ReplicaId, View } from '../../../vocabulary/ids.js';
import { resendDelayMs } from '../../effects.js';
import type { Checkpoints } from '../checkpoints.js';
import { inBatches } from '../pending.js';
import type { PbftState } from './state.js';
import type { ViewChanger } from './view-change.js';
import type { Voter } from './voting.js';

const RESEND = 'resend';

/** Proofs, and requests, that go out at once; the other side asks for more. */
const CHUNK = 16;
/** Times that a replica is told, after something was executed, that it seems to be elsewhere. */
const NUDGES_MAX = 8;

/** Links lose messages: what is said again, and what is shown to those that are behind. */
export class CatchingUp {
  readonly #state: PbftState;
  readonly #voter: Voter;
  readonly #views: ViewChanger;
  readonly #checkpoints: Checkpoints;
  /** How far the others have got, as far as this replica has heard. */
  readonly #positions = new Map<ReplicaId, number>();
  /** What each was last told, so that two do not go on telling each other the same. */
  readonly #told = new Map<ReplicaId, string>();
  #resends = 0;
  #nudges = 0;

  constructor(state: PbftState, voter: Voter, views: ViewChanger, checkpoints: Checkpoints) {
    this.#state = state;
    this.#voter = voter;
    this.#views = views;
    this.#checkpoints = checkpoints;
  }

  /** There is something to be said again later, until it is settled. */
  watch(): void {
    const { resendAfterMs } = this.#state.options;
    this.#state.outbox.ensureTimer(RESEND, resendDelayMs(resendAfterMs, this.#resends));
  }

  progressed(): void {
    this.#resends = 0;
    this.#nudges = 0;
    this.watch();
  }

  /** A replica has shown that it has got so far. */
  heard(replica: ReplicaId, position: number): void {
    this.#positions.set(replica, Math.max(this.#positions.get(replica) ?? 0, position));
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== RESEND) return false;
    this.#told.clear();
    const isSettled = !this.#sayAgain();
    if (isSettled && !this.#nudge()) return true;
    this.#resends += 1;
    this.watch();
    return true;
  }

  sendStatus(to: ReplicaId): void {
    this.#told.set(to, this.#place);
    this.#state.outbox.send(to, { kind: 'status', ...this.#status() });
  }

  onStatus(
    from: ReplicaId,
    status: { readonly view: View; readonly position: number; readonly stable: number },
  ): void {
    const { executed, view } = this.#state;
    this.#positions.set(from, status.position);
    if (status.view < view) this.#views.showView(from);
    const { low } = this.#checkpoints;
    if (status.stable < low && status.position >= low) this.#checkpoints.show(from, 'stable');
    if (status.position < executed) this.#show(from, status.position);
    const isBehind = status.position > executed || status.stable > this.#checkpoints.low;
    if (isBehind || status.view > view) this.#ask(from);
  }

  /** Once from a place, for a state takes a while to come; what is lost on its way, later again. */
  #ask(from: ReplicaId): void {
    if (this.#told.get(from) !== this.#place) this.sendStatus(from);
    this.watch();
  }

  /** Proofs of what the other lacks; or the state, where the log does not reach back so far. */
  #show(to: ReplicaId, position: number): void {
    if (position < this.#checkpoints.low) {
      this.#checkpoints.show(to, 'state');
      return this.sendStatus(to);
    }
    const last = Math.min(position + CHUNK, this.#state.executed);
    for (let place = position + 1; place <= last; place += 1) {
      const commits = this.#state.log.get(place)?.committed;
      const batch = commits && this.#state.batch(commits.statement.digest);
      if (batch) this.#state.outbox.send(to, { kind: 'committed', commits, batch });
    }
    this.sendStatus(to);
  }

  get #place(): string {
    const { view, position, stable } = this.#status();
    return `${view}/${position}/${stable}`;
  }

  #status(): { readonly view: View; readonly position: number; readonly stable: number } {
    const { view, executed: position } = this.#state;
    return { view, position, stable: this.#checkpoints.low };
  }

  /** Returns whether there was anything that others may have missed. */
  #sayAgain(): boolean {
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
    const isAsking = !isActive && this.#resends < NUDGES_MAX;
    const isOpen = open.length > 0 || isAsking || pending.size > 0 || isUnstable;
    if (isOpen) outbox.broadcast({ kind: 'status', ...this.#status() });
    return isOpen;
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

  /**
   * Whoever has not been heard of at this place may have missed its last messages; and whoever was heard
   * of further on may have more, which nobody offers again once a state has come.
   */
  #nudge(): boolean {
    const { options, self, executed } = this.#state;
    if (this.#nudges >= NUDGES_MAX) return false;
    this.#nudges += 1;
    const elsewhere = Array.from({ length: options.resilience.n }, (_, index) => index as ReplicaId)
      .filter((replica) => replica !== self)
      .filter((replica) => (this.#positions.get(replica) ?? 0) !== executed);
    for (const replica of elsewhere) this.sendStatus(replica);
    // One that stays silent is left alone until it comes back by itself.
    return elsewhere.length > 0;
  }
}
