import type { ReplicaId, View } from '../../../vocabulary/ids.js';
import type { Batch } from '../../../vocabulary/ordering.js';
import { oneCorrect } from '../../../vocabulary/quorum.js';
import type { PbftHost } from './host.js';
import { Pace } from './pace.js';
import type { PbftState } from './state.js';
import type { ViewChanger } from './view-change.js';

const SUSPECT = 'suspect';

/** How much longer a request may wait while batches are full: for its turn behind all that may wait. */
const TIMES_BUSY = 8;

/**
 * When the primary is suspected: it lets one request wait too long, or it is too slow for `f + 1`
 * replicas. For one alone that is no reason: it may be far away, and must not leave the view for that.
 */
export class Suspicion {
  readonly #state: PbftState;
  readonly #host: PbftHost;
  readonly #views: ViewChanger;
  readonly #pace: Pace;
  /** Who finds this view's primary too slow. */
  readonly #complaints = new Set<ReplicaId>();

  constructor(state: PbftState, host: PbftHost, views: ViewChanger) {
    this.#state = state;
    this.#host = host;
    this.#views = views;
    this.#pace = new Pace(state.options, {
      get usualMs() {
        return host.usualWaitMs?.();
      },
      get timeoutMs() {
        return views.suspectAfterMs;
      },
    });
  }

  /** There may be something to wait for. */
  watch(): void {
    this.#state.outbox.ensureTimer(SUSPECT, this.#views.suspectAfterMs);
  }

  /** A new primary has its full time. */
  entered(): void {
    this.#complaints.clear();
    this.#pace.enter();
    this.#state.outbox.stopTimer(SUSPECT);
  }

  /** The primary, this replica perhaps, has proposed this; before it is executed here. */
  proposed(batch: Batch): void {
    const { outbox, pending, view, self, isPrimary } = this.#state;
    const sinceMs = (request: Batch[number]) => pending.get(request)?.sinceMs;
    const isSlow = this.#pace.proposed(batch, outbox.nowMs, sinceMs);
    if (!isSlow || isPrimary) return;
    outbox.broadcast({ kind: 'slow', view });
    this.onComplaint(self, view);
  }

  onComplaint(from: ReplicaId, view: View): void {
    if (view !== this.#state.view) return;
    this.#complaints.add(from);
    if (this.#complaints.size >= oneCorrect(this.#state.options.resilience)) this.#views.suspect();
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== SUSPECT) return false;
    const deadlineMs = this.#deadlineMs;
    if (deadlineMs === undefined) return true;
    const leftMs = deadlineMs - this.#state.outbox.nowMs;
    if (leftMs <= 0) this.#views.suspect();
    this.#state.outbox.ensureTimer(SUSPECT, leftMs > 0 ? leftMs : this.#views.suspectAfterMs);
    return true;
  }

  /**
   * The end of the primary's time for the oldest of what waits. Each request has a time of its own, as
   * one client may be left out alone. What the host would not let a primary propose is not held against
   * it, and no more is one replica's word.
   */
  get #deadlineMs(): number | undefined {
    const { pending, log, outbox } = this.#state;
    const { suspectAfterMs } = this.#views;
    const deadlines: number[] = [];
    const isBusy = outbox.nowMs - this.#pace.fullAtMs < suspectAfterMs;
    for (const { request, sinceMs } of pending.values()) {
      if (this.#host.judge([request]) !== 'accept') continue;
      deadlines.push(sinceMs + suspectAfterMs * (isBusy ? TIMES_BUSY : 1));
      break;
    }
    for (const entry of log.values()) {
      if (this.#state.isOpen(entry)) deadlines.push(entry.sinceMs + suspectAfterMs);
    }
    return deadlines.length > 0 ? Math.min(...deadlines) : undefined;
  }
}
