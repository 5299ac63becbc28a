import { oneCorrect, type ReplicaId, type View } from '../../../kernel/ids.js';
import type { Batch } from '../../types.js';
import type { OrderingOptions } from '../engine.js';
import type { SequenceHost, SequenceState } from './state.js';
import type { ViewChanger } from './view-change.js';

/** What it asks of view changes. */
type Views = Pick<ViewChanger, 'suspect' | 'suspectAfterMs'>;

/** Places that are looked at together. */
const WINDOW = 16;
/** Requests looked at in one batch. */
const SAMPLES = 32;
/** How much longer requests may wait than under the best primary of late. */
const TIMES_BEST = 8;
/** Parts of the time-out: what is never too slow, and what always is. */
const FAST_PART = 1 / 16;
const SLOW_PART = 1 / 4;

/** What a primary is given. */
export interface PrimaryTimes {
  /** How long a request may usually wait, where the host knows better than by comparison. */
  readonly usualMs: number | undefined;
  /** For one request: longer in a view that comes after others that failed. */
  readonly timeoutMs: number;
}

/**
 * Whether the primary keeps the pace. One that lets each request wait almost until it would be suspected
 * makes everything slow and is never replaced (Clement and others, "Making Byzantine fault tolerant
 * systems tolerate Byzantine faults", §4: Aardvark). So the time-out bounds one request, and this the
 * usual one: the median wait at the last places.
 *
 * It is too long at eight times the best that was seen in this view and as many before it as there are
 * replicas; never below a sixteenth of the time-out, always above a quarter. A wait is counted from when
 * the request was known here, or from the last batch that was at least half full: a primary with more
 * work than fits into its batches is not slow while these keep coming, so load alone replaces nobody.
 *
 * A median says nothing of fewer than nine places. So what requests have waited beyond what is allowed adds up,
 * too, over the same places, each as a part of the time-out that the primary had then: more than one time-out is
 * too long. What waits at once counts once.
 */
class Pace {
  readonly #options: OrderingOptions;
  /** Medians, one for each place of this view that had known requests; the last `WINDOW`. */
  #waitsMs: number[] = [];
  /** The best window of each view, this one first. */
  #bestMs: number[] = [Infinity];
  #fullAtMs = -Infinity;
  /** By how many time-outs each of the last `WINDOW` places was too long, and up to when that is counted. */
  #excesses: number[] = [];
  #countedMs = -Infinity;
  readonly #times: PrimaryTimes;

  constructor(options: OrderingOptions, times: PrimaryTimes) {
    this.#options = options;
    this.#times = times;
  }

  /** When the last batch came that was at least half full. */
  get fullAtMs(): number {
    return this.#fullAtMs;
  }

  /** A new primary. */
  enter(): void {
    this.#waitsMs = [];
    this.#excesses = [];
    this.#bestMs = [Infinity, ...this.#bestMs].slice(0, this.#options.resilience.n);
    this.#fullAtMs = -Infinity;
  }

  /** The usual wait above which the primary is too slow. */
  get allowedMs(): number {
    const { suspectAfterMs } = this.#options;
    const { usualMs } = this.#times;
    if (usualMs !== undefined) return Math.min(usualMs, SLOW_PART * suspectAfterMs);
    const relativeMs = TIMES_BEST * Math.min(...this.#bestMs);
    const floorMs = FAST_PART * suspectAfterMs;
    return Math.min(Math.max(relativeMs, floorMs), SLOW_PART * suspectAfterMs);
  }

  /**
   * The primary has proposed a batch. `sinceMs` gives the time since when a request is known, if it is. Returns
   * whether the primary has been too slow, for a whole window or in sum; that is then forgotten.
   */
  proposed(
    batch: Batch,
    nowMs: number,
    sinceMs: (request: Batch[number]) => number | undefined,
  ): boolean {
    const step = Math.ceil(batch.length / SAMPLES);
    const waitsMs: number[] = [];
    for (let index = 0; index < batch.length; index += step) {
      const request = batch[index];
      const since = request && sinceMs(request);
      if (since !== undefined) waitsMs.push(nowMs - Math.max(since, this.#fullAtMs));
    }
    if (this.#isHalfFull(batch)) this.#fullAtMs = nowMs;
    if (waitsMs.length === 0) return false;
    const waitMs = median(waitsMs);
    this.#waitsMs.push(waitMs);
    if (this.#adds(waitMs, nowMs)) return true;
    if (this.#waitsMs.length < WINDOW) return false;
    const usualMs = median(this.#waitsMs);
    this.#waitsMs.shift();
    if (usualMs > this.allowedMs) {
      this.#waitsMs = [];
      return true;
    }
    this.#bestMs[0] = Math.min(this.#bestMs[0] ?? Infinity, usualMs);
    return false;
  }

  /** Whether the waits beyond what is allowed make a time-out together; they are forgotten then. */
  #adds(waitMs: number, nowMs: number): boolean {
    const fromMs = Math.max(nowMs - waitMs + this.allowedMs, this.#countedMs);
    this.#countedMs = Math.max(this.#countedMs, nowMs);
    const excess = Math.max(0, nowMs - fromMs) / this.#times.timeoutMs;
    this.#excesses = [...this.#excesses, excess].slice(-WINDOW);
    if (this.#excesses.reduce((sum, one) => sum + one, 0) <= 1) return false;
    this.#excesses = [];
    return true;
  }

  #isHalfFull(batch: Batch): boolean {
    const { batchRequestsMax, batchBytesMax } = this.#options;
    if (2 * batch.length >= batchRequestsMax) return true;
    const bytes = batch.reduce((sum, { payload }) => sum + payload.length, 0);
    return 2 * bytes >= batchBytesMax;
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const SUSPECT = 'suspect';

/** How much longer a request may wait while batches are full: for its turn behind all that may wait. */
const TIMES_BUSY = 8;

/**
 * When the primary is suspected: it lets one request wait too long, or it is too slow for `f + 1`
 * replicas. For one alone that is no reason: it may be far away, and must not leave the view for that.
 */
export class Suspicion {
  readonly #state: SequenceState;
  readonly #host: SequenceHost;
  readonly #views: Views;
  readonly #pace: Pace;
  /** The replicas that find this view's primary too slow. */
  readonly #complaints = new Set<ReplicaId>();

  constructor(state: SequenceState, host: SequenceHost, views: Views) {
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
   * it, nor is a request that one replica alone relays.
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
