import { invariant } from '../../../kernel/core.js';
import type { Batch } from '../../types.js';
import { Batching } from '../outbox.js';
import type { BatchLimits } from '../pending.js';
import type { Execution } from './executing.js';
import type { Replying } from './replying.js';
import type { EzbftState } from './state.js';

/** Checkpoints that may wait for a quorum. */
const UNSTABLE_MAX = 2;

/** What this replica puts into its own instance space: its requests, and barriers in its turn. */
export class Proposing {
  readonly #state: EzbftState;
  readonly #replying: Replying;
  readonly #execution: Execution;
  readonly #limits: BatchLimits;
  readonly #batching: Batching;

  constructor(state: EzbftState, replying: Replying, execution: Execution) {
    this.#state = state;
    this.#replying = replying;
    this.#execution = execution;
    const { batchRequestsMax, batchBytesMax } = state.options;
    this.#limits = {
      batchRequestsMax: Math.min(batchRequestsMax, state.judge.requestsMax),
      batchBytesMax,
    };
    this.#batching = new Batching(state.outbox, state.pending, this.#limits);
  }

  executed(requests: number): void {
    this.#batching.executed(requests);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (!this.#batching.onTimer(name)) return false;
    this.propose();
    return true;
  }

  propose(): void {
    while (this.#hasRoom && this.#batching.isReady(this.#underWay === 0)) {
      const batch = this.#nextBatch();
      this.#batching.taken();
      if (batch.length === 0) return;
      invariant(this.#state.fits(batch), 'a batch fits into a settlement');
      this.#replying.propose(batch);
    }
  }

  /** As many of the requests that wait as fit. */
  #nextBatch(): Batch {
    const { pending, judge, keptBytesMax } = this.#state;
    const taken = pending.take(this.#limits);
    let kept = 0;
    const end = taken.findIndex((request) => {
      kept += judge.keptBytesOf(request);
      return kept > keptBytesMax;
    });
    if (end === -1) return taken;
    pending.putBack(taken.slice(end));
    return taken.slice(0, end);
  }

  /**
   * A barrier where a checkpoint is due: the replica after the last barrier's, the others the later the further on
   * they are, or when it stays away for so many `tries`. So does one where a space is full, be it of no-ops.
   */
  proposeBarrier(tries: number): void {
    const { options, self, turn, lastBarrier, lastUsed, cut, executed, isLost } = this.#state;
    const { checkpointInterval, resilience } = options;
    if (isLost || this.#isBarrierOpen) return;
    if (this.#execution.unstable >= UNSTABLE_MAX || lastUsed >= lastBarrier) return;
    const rank = Math.max(0, ((self - turn + resilience.n) % resilience.n) - tries);
    const due = checkpointInterval + Math.ceil((rank * checkpointInterval) / resilience.n);
    const isFull = executed.some((index, of) => index >= (cut[of] ?? 0) + 2 * checkpointInterval);
    const isStuck = isFull && this.#execution.unstable === 0 && tries > rank;
    if (this.#execution.sinceCut >= due || isStuck) this.#replying.propose([]);
  }

  /**
   * A barrier that names all instances up to these, as far as the others reply to it: what nobody has becomes no-ops,
   * and a checkpoint covers it.
   */
  proposeToCover(closed: readonly number[]): void {
    const { cut, reach, lastBarrier, lastUsed } = this.#state;
    const least = closed.map((index, space) => Math.min(index, (cut[space] ?? 0) + reach));
    if (lastUsed < lastBarrier && !this.#isBarrierOpen) this.#replying.propose([], least);
  }

  get #hasRoom(): boolean {
    const { self, lastUsed, options, isLost } = this.#state;
    if (isLost) return false;
    return lastUsed < this.#state.lastWithRequests(self) && this.#underWay < options.pipelineDepth;
  }

  get #underWay(): number {
    return this.#own.length;
  }

  get #isBarrierOpen(): boolean {
    return this.#own.some(({ orders }) =>
      [...orders.values()].some(({ batch }) => batch.length === 0),
    );
  }

  /** This replica's own instances that are not executed. */
  get #own() {
    const { spaces, self } = this.#state;
    return [...(spaces[self]?.values() ?? [])].filter(
      ({ instance }) => !this.#state.isExecuted(instance),
    );
  }
}
