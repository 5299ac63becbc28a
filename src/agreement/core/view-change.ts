import { limits } from '../../kernel/codec/limits.js';
import { resendDelayMs } from '../../kernel/core.js';
import {
  oneCorrect,
  primaryOf,
  type ReplicaId,
  unreachable,
  type View,
  view,
} from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import { encodePreparedCertificate } from '../certificate.js';
import {
  compareBallots,
  type NewViewStatement,
  type PreparedCertificate,
  type SignedViewChange,
  type SlotKey,
  slotKey,
  type ViewChangeStatement,
} from '../messages.js';
import { decodeSigned, encodeSigned } from '../signing.js';
import { viewChangeBytesMax, viewChangeHeadBytesMax } from '../sizes.js';
import type { AgreementState } from './state.js';
import type { AgreementTimer } from './timers.js';

/** Stands in the store: the highest view that this replica has ever asked for. */
export const ASKED = 'asked-view';

/** Timeouts stop doubling after so many view changes without a decision. */
const DOUBLINGS_MAX = 6;
/** A view is left for one replica that has lost its disk once in so many delays of a retransmission, later in twice as many. */
const LEAVES_AGAIN_AFTER_DELAYS = 40;
/** It takes twice as long each time, and so often. */
const LEAVES_DOUBLINGS_MAX = 4;

export type ViewTimer = Extract<
  AgreementTimer,
  { kind: 'resend-view-change' | 'new-view' | 'forget-view-change' | 'leave' }
>;

export interface ViewEvents {
  /** A replica's lock. */
  learn(certificate: PreparedCertificate): void;
  /** A new view has begun; `state.shown` has the locks that its new-view message shows. */
  entered(): void;
}

/**
 * When and how the primary is replaced (Castro and Liskov §4.4; protocols.md 1.4).
 *
 * A replica that suspects keeps taking part in the old view until a quorum has opened the next one:
 * its votes and locks make that safe, and one replica alone with bad luck does no harm. It says its
 * view change again until the new view comes, joins when `f + 1` others are ahead, waits twice as
 * long each time, and withdraws when what it waited for gets decided after all.
 */
export class ViewChanger {
  readonly #state: AgreementState;
  readonly #events: ViewEvents;
  /** The view that this replica asks for; the current one while it asks for none. */
  #target = 0 as View;
  /** The highest view that it has ever asked for. */
  #asked = 0 as View;
  /** The slots, or replicas without a disk, that made this replica ask; empty where it only joined. */
  readonly #reasons = new Set<SlotKey | ReplicaId>();
  /** For these it has asked just now (two steps). */
  readonly #leftFor = new Set<ReplicaId>();
  /** How often for each, since it started. */
  readonly #leaves = new Map<ReplicaId, number>();
  readonly #received = new Map<ReplicaId, SignedViewChange>();
  #newView: Signed<NewViewStatement> | undefined;
  /** View changes since the last decision. */
  #failures = 0;
  #resends = 0;
  #waiting = false;

  constructor(state: AgreementState, events: ViewEvents) {
    this.#state = state;
    this.#events = events;
  }

  /** How long a slot may stay undecided now. */
  get suspectAfterMs(): number {
    return this.#state.options.suspectAfterMs * 2 ** Math.min(this.#failures, DOUBLINGS_MAX);
  }

  /** The highest view that this replica has been in or asked for, restarts included. */
  get lastAsked(): View {
    return Math.max(this.#state.view, this.#asked) as View;
  }

  suspect(slot: SlotKey): void {
    this.#reasons.add(slot);
    if (this.#target > this.#state.view) return;
    this.#state.log('warn', 'primary-suspected', { slot, primary: this.#state.primary });
    this.#ask((this.#state.view + 1) as View);
  }

  /**
   * The replica has lost its disk, and may have voted in views up to the given one. In a view above it votes again, but
   * only once the others vote in none of these any more (two steps). A lying one wins no more than a view change now and then.
   */
  leave(replica: ReplicaId, upTo: View): void {
    const { view, options } = this.#state;
    if (view > upTo || this.#leftFor.has(replica)) return;
    const leaves = this.#leaves.get(replica) ?? 0;
    const delays = LEAVES_AGAIN_AFTER_DELAYS * 2 ** Math.min(leaves, LEAVES_DOUBLINGS_MAX);
    this.#leftFor.add(replica);
    this.#leaves.set(replica, leaves + 1);
    this.#state.startTimer({ kind: 'leave', replica }, delays * options.resendAfterMs);
    this.#reasons.add(replica);
    this.#state.log('info', 'view-left-for-lost', { replica });
    const wanted = Math.min(upTo, view + 1) + 1;
    if (this.#target < wanted) this.#ask(wanted as View);
  }

  /** A slot was decided: the primary works, unless others are missing more. */
  progressed(slot: SlotKey): void {
    this.#failures = 0;
    this.settled(slot);
  }

  /** The primary is not blamed for the slot any more. */
  settled(slot: SlotKey): void {
    this.#hasNoReason(slot);
  }

  #hasNoReason(why: SlotKey | ReplicaId): void {
    this.#reasons.delete(why);
    this.#withdrawIfAlone();
  }

  onViewChange(from: ReplicaId, viewChange: SignedViewChange): void {
    const { view, prepared } = viewChange.statement;
    if (view <= this.#state.view) return this.greet(from);
    if (viewChange.bytes.length > this.#bytesMax) return;
    const known = this.#received.get(viewChange.replica);
    if (known && known.statement.view > view) return;
    this.#received.set(viewChange.replica, viewChange);
    const { replica } = viewChange;
    const delayMs = 20 * this.#state.options.resendAfterMs;
    this.#state.startTimer({ kind: 'forget-view-change', replica }, delayMs);
    for (const certificate of prepared) this.#events.learn(certificate);
    this.#joinIfOthersAreAhead();
    // It asks and we see no reason to: perhaps it has missed the view that we are in.
    if (this.#target === this.#state.view) return this.greet(from);
    this.#openIfPrimary();
    this.#waitIfQuorum();
  }

  onNewView(newView: Signed<NewViewStatement>): void {
    if (newView.statement.view > this.#state.view) this.#enter(newView);
  }

  onTimer(timer: ViewTimer): void {
    switch (timer.kind) {
      case 'resend-view-change':
        return this.#sayAgain();
      case 'new-view':
        return this.#ask((this.#target + 1) as View);
      case 'forget-view-change':
        return this.#forget(timer.replica);
      case 'leave':
        this.#leftFor.delete(timer.replica);
        return this.#hasNoReason(timer.replica);
      default:
        return unreachable(timer);
    }
  }

  /** A peer may have missed the view that this replica is in. */
  greet(replica: ReplicaId): void {
    if (this.#newView) this.#state.send(replica, { kind: 'new-view', newView: this.#newView });
    const own = this.#received.get(this.#state.self);
    if (own) this.#state.send(replica, { kind: 'view-change', viewChange: own });
  }

  /** Enters the view of the new-view message that was persisted last. */
  restore(bytes: Uint8Array): void {
    const signed = decodeSigned(this.#state.options.cluster, bytes);
    if (signed.statement.kind !== 'new-view') throw new TypeError('not a new-view message');
    this.#settle({ ...signed, statement: signed.statement });
  }

  restoreAsked(bytes: Uint8Array): void {
    this.#asked = view(Number(new TextDecoder().decode(bytes)));
  }

  /**
   * Asks for a view, or a later one where a lock shows that a quorum is past it: says what this replica
   * is locked on, and no longer waits for the old one.
   */
  #ask(wanted: View): void {
    const view = Math.max(wanted, this.#viewOfLocks + 1) as View;
    this.#target = view;
    this.#keepAsked(view);
    this.#failures += 1;
    this.#resends = 0;
    this.#waiting = false;
    const prepared = this.#locks();
    const signed = this.#state.sign<ViewChangeStatement>({ kind: 'view-change', view, prepared });
    this.#received.set(this.#state.self, { ...signed, replica: this.#state.self });
    this.#state.stopTimer({ kind: 'new-view' });
    this.#sayAgain();
    this.#openIfPrimary();
    this.#waitIfQuorum();
  }

  /** Durable before the view change leaves: a replica without memory relies on it (`Recovery`). */
  #keepAsked(view: View): void {
    if (view <= this.#asked) return;
    this.#asked = view;
    this.#state.persist(ASKED, new TextEncoder().encode(String(view)));
  }

  get #viewOfLocks(): number {
    const locks = [...this.#state.slots.values()].flatMap(({ lock }) => lock ?? []);
    return Math.max(-1, ...locks.map(({ prePrepare }) => prePrepare.statement.ballot.view));
  }

  /** So many that all view changes fit into one new-view; what is left out is handed over later. */
  #locks(): PreparedCertificate[] {
    const locks: PreparedCertificate[] = [];
    let room = this.#bytesMax - viewChangeHeadBytesMax;
    for (const { lock } of this.#state.slots.values()) {
      if (!lock || locks.length >= limits.preparedCertificates) continue;
      const { length } = encodePreparedCertificate(lock);
      if (length > room) continue;
      room -= length;
      locks.push(lock);
    }
    return locks.sort((a, b) => order(keyOf(a), keyOf(b)));
  }

  /** Of one view change. A Byzantine replica's longer one would make the new-view too long. */
  get #bytesMax(): number {
    return viewChangeBytesMax(this.#state.options.resilience.n);
  }

  #sayAgain(): void {
    const own = this.#received.get(this.#state.self);
    if (!own) return;
    this.#state.broadcast({ kind: 'view-change', viewChange: own });
    const delayMs = resendDelayMs(this.#state.options.resendAfterMs, this.#resends);
    this.#state.startTimer({ kind: 'resend-view-change' }, delayMs);
    this.#resends += 1;
  }

  /** Castro and Liskov §4.5.2: `f + 1` others are ahead, so one correct replica has a reason. */
  #joinIfOthersAreAhead(): void {
    const ahead = [...this.#received.values()]
      .filter(
        ({ statement, replica }) => statement.view > this.#target && replica !== this.#state.self,
      )
      .map(({ statement }) => statement.view)
      .sort((a, b) => a - b);
    const [lowest] = ahead;
    if (lowest !== undefined && ahead.length >= oneCorrect(this.#state.options.resilience)) {
      this.#ask(lowest);
    }
  }

  /** The new primary opens the view with a quorum of view changes. */
  #openIfPrimary(): void {
    const view = this.#target;
    const { resilience } = this.#state.options;
    if (view <= this.#state.view || primaryOf(resilience, view) !== this.#state.self) return;
    const viewChanges = [...this.#received.values()]
      .filter(({ statement }) => statement.view === view)
      .sort((a, b) => a.replica - b.replica);
    if (viewChanges.length < this.#state.quorum) return;
    this.#enter(this.#state.sign<NewViewStatement>({ kind: 'new-view', view, viewChanges }));
  }

  /** The timer for the new primary starts only once a quorum asks for its view. */
  #waitIfQuorum(): void {
    if (this.#waiting || this.#target <= this.#state.view) return;
    if (this.#countAhead((this.#target - 1) as View) < this.#state.quorum) return;
    this.#waiting = true;
    const { suspectAfterMs } = this.#state.options;
    const doublings = Math.min(this.#failures - 1, DOUBLINGS_MAX);
    this.#state.startTimer({ kind: 'new-view' }, suspectAfterMs * 2 ** doublings);
  }

  #enter(newView: Signed<NewViewStatement>): void {
    this.#state.persist('new-view', encodeSigned(newView));
    this.#settle(newView);
    if (this.#state.isPrimary) this.#state.broadcast({ kind: 'new-view', newView });
    for (const certificate of this.#state.shown.values()) this.#events.learn(certificate);
    this.#state.log('info', 'view-entered', { primary: this.#state.primary });
    this.#events.entered();
  }

  /** What the new-view message shows is recomputed from the view changes in it. */
  #settle(newView: Signed<NewViewStatement>): void {
    const { view, viewChanges } = newView.statement;
    this.#newView = newView;
    this.#state.enterView(view);
    this.#withdraw();
    this.#state.shown = highestPrepared(viewChanges);
    for (const key of this.#state.shown.keys()) {
      if (this.#state.decided.has(key)) this.#state.shown.delete(key);
    }
  }

  /** Nothing is missing here any more, and too few others ask to make a correct one likely. */
  #withdrawIfAlone(): void {
    if (this.#target === this.#state.view || this.#reasons.size > 0) return;
    const others = this.#countAhead(this.#state.view) - 1;
    if (others < oneCorrect(this.#state.options.resilience)) this.#withdraw();
  }

  /** Asks for no view any more, and drops the view changes for views that are past. */
  #withdraw(): void {
    this.#target = this.#state.view;
    this.#reasons.clear();
    this.#waiting = false;
    this.#state.stopTimer({ kind: 'resend-view-change' });
    this.#state.stopTimer({ kind: 'new-view' });
    this.#received.delete(this.#state.self);
    for (const [replica, { statement }] of this.#received) {
      if (statement.view <= this.#state.view) this.#received.delete(replica);
    }
  }

  /** It has not asked again, so it has withdrawn. */
  #forget(replica: ReplicaId): void {
    this.#received.delete(replica);
    this.#withdrawIfAlone();
  }

  /** Replicas, this one included, that ask for a view above the given one. */
  #countAhead(view: View): number {
    let count = 0;
    for (const { statement } of this.#received.values()) if (statement.view > view) count += 1;
    return count;
  }
}

/** For each slot the prepared certificate of the highest ballot in a quorum of view changes. */
export function highestPrepared(
  viewChanges: readonly SignedViewChange[],
): Map<SlotKey, PreparedCertificate> {
  const highest = new Map<SlotKey, PreparedCertificate>();
  for (const { statement } of viewChanges) {
    for (const certificate of statement.prepared) {
      const key = keyOf(certificate);
      const known = highest.get(key)?.prePrepare.statement.ballot;
      if (!known || compareBallots(certificate.prePrepare.statement.ballot, known) > 0) {
        highest.set(key, certificate);
      }
    }
  }
  return highest;
}

function keyOf(certificate: PreparedCertificate): SlotKey {
  return slotKey(certificate.prePrepare.statement.slot);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
