import { digestOfCycleValue } from '../../../crypto/ordering/sign.js';
import type { ReplicaId } from '../../../vocabulary/ids.js';
import type { Batch, Cycle, CycleValue, ProposalStatement } from '../../../vocabulary/ordering.js';
import { invariant } from '../../invariant.js';
import { Batching } from '../batching.js';
import type { CycleState } from './cycle.js';
import type { AntipaxosState } from './state.js';

export interface ProposerEvents {
  /** This process takes part in the cycle from now on. */
  began(state: CycleState): void;
}

/** Algorithm 1: when a cycle starts, and what this process puts into it. */
export class Proposer {
  readonly #state: AntipaxosState;
  readonly #events: ProposerEvents;
  readonly #batching: Batching;
  /** The next cycle to start, and the last that another active process has proposed in. */
  #next = 1;
  #heard = 0;
  /** What was proposed here in cycles that are not delivered. */
  readonly #proposed = new Map<number, Batch>();

  constructor(state: AntipaxosState, events: ProposerEvents) {
    this.#state = state;
    this.#events = events;
    this.#batching = new Batching(state.outbox, state.pending);
  }

  /** After a restart. */
  restore(): void {
    for (const state of this.#state.cycles.values()) this.hear(state);
    this.start();
  }

  /** Cycles were delivered: what they left out is proposed again, and others may start. */
  progressed(): void {
    for (const [cycle, batch] of this.#proposed) {
      if (cycle > this.#state.delivered) continue;
      this.#proposed.delete(cycle);
      this.#state.pending.putBack(batch);
    }
    // Who is active in later cycles is known only now.
    for (const state of this.#state.cycles.values()) this.hear(state);
    this.start();
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (!this.#batching.onTimer(name)) return false;
    this.start();
    return true;
  }

  /** An excluded process says that it is back. */
  onRejoin(from: ReplicaId, position: number): void {
    if (position + this.#state.options.pipelineDepth < this.#state.delivered) return;
    this.#state.testimony.hearFrom(from);
    this.start();
  }

  /** Others are in this cycle: whoever is not proposes, if only nothing. */
  hear({ cycle, proposals }: CycleState): void {
    if (cycle <= this.#heard) return;
    const awaited = this.#state.rosterAt(cycle)?.awaited;
    if ([...proposals.keys()].some((replica) => awaited?.has(replica))) this.#heard = cycle;
  }

  /** Starts cycles while there is a reason to: without load there are none. */
  start(): void {
    if (this.#state.lost.isLost) return;
    // A state that was installed may have gone past cycles that this process was about to start.
    this.#next = Math.max(this.#next, this.#state.delivered + 1);
    while (this.#next <= this.#state.last) {
      // It has proposed there before a restart, and proposes in no cycle twice.
      if (this.#state.cycles.get(this.#next)?.startedMs !== undefined) {
        this.#next += 1;
        continue;
      }
      const isAwaited = this.#next <= this.#heard;
      const isIdle = this.#next === this.#state.delivered + 1;
      const isWanted = this.#next <= this.#state.wantedThrough;
      const hasToStart = isAwaited || isWanted || this.#hasToTestify || this.#isOnTheWayOut;
      if (!hasToStart && !this.#batching.isReady(isIdle)) return;
      const cycle = this.#next as Cycle;
      const isExcluded = !this.#state.rosterAt(cycle)?.awaited.has(this.#state.self);
      if (!isAwaited && isExcluded) return;
      this.#next += 1;
      this.#batching.taken();
      const state = this.#state.cycle(cycle);
      if (state) this.#propose(state, isExcluded);
    }
  }

  /** Somebody is back, and no cycle that is under way says so. */
  get #hasToTestify(): boolean {
    return this.#state.testimony.isAwaited(this.#next, this.#state.delivered);
  }

  /**
   * Somebody is left out a pipeline's depth from now. The slow cycles up to there run side by side: with
   * little to do they would follow one another, and each would wait for the one that is gone.
   */
  get #isOnTheWayOut(): boolean {
    return this.#state.membership.isOutdated(this.#next);
  }

  /**
   * Lines 1 to 3. An excluded process proposes, too, if only nothing: the others may need its value to go
   * on, where `f` of them are silent.
   */
  #propose(state: CycleState, isExcluded: boolean): void {
    const { outbox, delay, self, pending, options } = this.#state;
    const { cycle } = state;
    invariant(!this.#state.lost.isLost, 'a replica without its store proposes nothing');
    invariant(state.startedMs === undefined, 'one value a cycle');
    const { delivered, last } = this.#state;
    invariant(cycle > delivered && cycle <= last, 'a cycle starts within the pipeline and the log');
    state.startedMs = outbox.nowMs;
    const batch = isExcluded ? [] : pending.take(options);
    this.#proposed.set(cycle, batch);
    const value: CycleValue = { batch, ...this.#state.testimony.take(cycle) };
    const proposal = outbox.sign<ProposalStatement>({
      kind: 'proposal',
      scope: 'antipaxos',
      cycle,
      replica: self,
      digest: digestOfCycleValue(value),
    });
    const { digest } = proposal.statement;
    state.proposals.set(self, { digest, signature: proposal.signature });
    // On disk first: after a restart it is what tells that this process has proposed.
    state.hold({ proposal, value });
    this.#state.storeValues(state, [digest]);
    outbox.broadcast({ kind: 'proposal', proposal, value });
    outbox.startTimer(`report/${cycle}`, delay.timeoutMs);
    this.#events.began(state);
  }
}
