import { invariant } from '../../../kernel/core.js';
import type { ReplicaId } from '../../../kernel/ids.js';
import { digestOfCycleValue } from '../../check-message.js';
import type { Batch, Cycle, CycleValue, ProposalStatement } from '../../types.js';
import { Batching } from '../outbox.js';
import type { CycleState } from './cycle.js';
import type { Roster } from './membership.js';
import type { AntipaxosState } from './state.js';

/** Those whose reports have not come, or name values that have not. */
export function silentIn({ reports }: CycleState, roster: Roster): readonly ReplicaId[] {
  const reporters = new Set(reports.usable.map(({ statement }) => statement.replica));
  return awaitedIn(roster).filter((replica) => !reporters.has(replica));
}

/**
 * Those whose values were in the way of the fast path: late here, though others had them, or two of one
 * process. Whose value is missing to all, everybody sees.
 */
export function dividingIn(
  { reports, decision }: CycleState,
  roster: Roster,
  self: ReplicaId,
): readonly ReplicaId[] {
  const own = reports.get(self)?.statement;
  const statements = reports.usable.map(({ statement }) => statement);
  return awaitedIn(roster).filter((replica) => {
    const named = statements.flatMap(({ entries }) => entries[replica]?.digest ?? []);
    const isLate = own?.entries[replica] === null && decision?.vector[replica] !== null;
    return isLate || new Set(named).size > 1;
  });
}

/**
 * Those whose reports lack a value that this process's own names, though it left in time for them to fetch
 * the value: a correct process in time does not report without it.
 */
function omittingIn(
  { reports, startedMs, reportedMs }: CycleState,
  roster: Roster,
  self: ReplicaId,
  promptMs: number,
): readonly ReplicaId[] {
  const own = reports.get(self)?.statement.entries;
  if (!own || startedMs === undefined || reportedMs === undefined) return [];
  if (!roster.isComplete(own) || reportedMs - startedMs > promptMs) return [];
  return awaitedIn(roster).filter((replica) => {
    const theirs = reports.get(replica)?.statement.entries;
    return theirs !== undefined && !roster.isComplete(theirs);
  });
}

/** Something of another process has come only now, or has not come yet. */
export function noteDelay(
  { delay, outbox, membership }: AntipaxosState,
  state: CycleState,
  from: ReplicaId,
  sinceMs: number | undefined,
): void {
  if (sinceMs === undefined || outbox.nowMs - sinceMs <= delay.slowMs) return;
  if (membership.rosterAt(state.cycle)?.awaited.has(from)) state.slow.add(from);
}

/** A cycle is over: this process complains of those that were slow in it. */
export function complainOfSlow(shared: AntipaxosState, state: CycleState): void {
  const { observations, self, delay, membership } = shared;
  const roster = membership.rosterAt(state.cycle);
  if (!roster) return;
  for (const replica of silentIn(state, roster)) {
    noteDelay(shared, state, replica, state.reportedMs);
  }
  observations.complain(state.cycle, state.slow, 'slow');
  observations.complain(state.cycle, omittingIn(state, roster, self, delay.promptMs), 'slow');
}

/** Nobody is in the way where there is no fast path. */
function awaitedIn({ awaited, hasFastPath }: Roster): readonly ReplicaId[] {
  return hasFastPath ? [...awaited] : [];
}

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

  /** A cycle was delivered. */
  executed(cycle: Cycle): void {
    this.#batching.executed(this.#proposed.get(cycle)?.length ?? 0);
  }

  /** Cycles were delivered: what they left out is proposed again, and others may start. */
  progressed(): void {
    for (const [cycle, batch] of this.#proposed) {
      if (cycle > this.#state.delivered) continue;
      this.#proposed.delete(cycle);
      this.#state.pending.putBack(batch);
    }
    // The active processes of later cycles are known only now.
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
    this.#state.observations.noteReturn(from);
    this.start();
  }

  /** Others are in this cycle: a process that is not proposes, if only nothing. */
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
      if (!hasToStart && !this.#isHeldUp && !this.#batching.isReady(isIdle)) return;
      const cycle = this.#next as Cycle;
      const isExcluded = !this.#state.rosterAt(cycle)?.awaited.has(this.#state.self);
      if (!isAwaited && isExcluded) return;
      this.#next += 1;
      this.#batching.taken();
      const state = this.#state.cycle(cycle);
      if (state) this.#propose(state, isExcluded);
    }
  }

  /** A process is back, and no cycle that is under way says so. */
  get #hasToTestify(): boolean {
    return this.#state.observations.isAwaited(this.#next, this.#state.delivered);
  }

  /** Requests wait, and the next cycle is one in which this process may have nothing to propose. */
  get #isHeldUp(): boolean {
    return this.#state.joins.isBound(this.#next) && this.#state.pending.waiting > 0;
  }

  /**
   * A process is left out a pipeline's depth from now. The slow cycles up to there run side by side: with
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
    const { outbox, delay, self, joins } = this.#state;
    const { cycle } = state;
    invariant(!this.#state.lost.isLost, 'a replica without its store proposes nothing');
    invariant(state.startedMs === undefined, 'one value a cycle');
    const { delivered, last } = this.#state;
    invariant(cycle > delivered && cycle <= last, 'a cycle starts within the pipeline and the log');
    state.startedMs = outbox.nowMs;
    const value = joins.isBound(cycle) ? nothing : this.#valueFor(cycle, isExcluded);
    this.#proposed.set(cycle, value.batch);
    const proposal = outbox.sign<ProposalStatement>({
      kind: 'proposal',
      scope: 'antipaxos',
      cycle,
      replica: self,
      digest: digestOfCycleValue(value),
    });
    const { digest } = proposal.statement;
    state.proposals.set(self, {
      digest,
      get signature() {
        return proposal.signature;
      },
    });
    state.hold({ proposal, value });
    // On disk first: after a restart it shows that this process has proposed.
    if (isNothing(value)) joins.mayJoin(cycle);
    else this.#state.storeValues(state, [digest]);
    outbox.broadcast({ kind: 'proposal', proposal, value });
    outbox.startTimer(`report/${cycle}`, delay.timeoutMs);
    this.#events.began(state);
  }

  #valueFor(cycle: Cycle, isExcluded: boolean): CycleValue {
    const { pending, options, observations } = this.#state;
    return { batch: isExcluded ? [] : pending.take(options), ...observations.take(cycle) };
  }
}

/** What a process proposes that has nothing to say in a cycle of others. */
const nothing: CycleValue = { batch: [], readmit: [], complaints: [] };

function isNothing({ batch, readmit, complaints }: CycleValue): boolean {
  return batch.length + readmit.length + complaints.length === 0;
}
