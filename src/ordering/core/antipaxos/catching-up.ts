import { type Digest, oneCorrect, type ReplicaId, type View } from '../../../kernel/ids.js';
import type { Cycle, OrderingMessageOf } from '../../types.js';
import type { Checkpoints } from '../checkpoints.js';
import type { Progress, Reminding } from '../outbox.js';
import { inBatches } from '../pending.js';
import type { CycleState } from './cycle.js';
import type { Cycles } from './cycles.js';
import type { DecisionModule } from './decision-module.js';
import type { AntipaxosState } from './state.js';

/** Requests that an excluded process hands on at once. */
const CHUNK = 64;

/** What is said again, and what is shown to those that are behind. */
export class CatchingUp implements Reminding {
  readonly #state: AntipaxosState;
  readonly #cycles: Cycles;
  readonly #decisions: DecisionModule;
  readonly #checkpoints: Checkpoints;

  constructor(
    state: AntipaxosState,
    cycles: Cycles,
    decisions: DecisionModule,
    checkpoints: Checkpoints,
  ) {
    this.#state = state;
    this.#cycles = cycles;
    this.#decisions = decisions;
    this.#checkpoints = checkpoints;
  }

  get progress(): Progress {
    return { view: 0 as View, position: this.#state.delivered, stable: this.#state.low };
  }

  show(to: ReplicaId, { position, stable }: Progress): boolean {
    const { delivered, low } = this.#state;
    if (stable < low && position >= low) this.#checkpoints.show(to, 'stable');
    const isKept = this.#state.cycles.get(position + 1)?.decision !== undefined;
    if (position < low && !isKept) this.#checkpoints.show(to, 'state');
    else if (position < delivered) this.#showCycles(to, position);
    return position < delivered;
  }

  isBehind({ position, stable }: Progress): boolean {
    return position > this.#state.delivered || stable > this.#state.low;
  }

  sayAgain(tries: number): boolean {
    const { cycles, delivered, pending, outbox, membership, self, last, lost } = this.#state;
    const open = [...cycles.values()].filter(
      (state) => state.cycle > delivered && state.cycle <= last && this.#isUnderWay(state),
    );
    for (const state of open) this.#cycles.sayAgain(state);
    this.#checkpoints.sayAgain();
    // Nobody could take it back earlier, and without load the time for it may never come.
    const mayReturn = !lost.isLost && membership.mayReturnIn(delivered + 1, self);
    if (mayReturn) outbox.broadcast({ kind: 'rejoin', position: delivered });
    const isLeftOut = membership.isExcluded(self) || !this.#awaitedNext.includes(self);
    if (isLeftOut || lost.isLost) this.#handOn(tries);
    const { isUnstable } = this.#checkpoints;
    return open.length > 0 || pending.size > 0 || mayReturn || isUnstable;
  }

  onFetch(from: ReplicaId, cycle: Cycle, digest: Digest): void {
    const held = this.#state.cycles.get(cycle)?.values.get(digest);
    if (held) this.#state.outbox.send(from, { kind: 'proposal', ...held });
  }

  /**
   * Another lacks reports, or the decision, of a cycle. It gets what is known now, and the decision, when
   * there is one: a liar may report here only after the question.
   */
  onFetchReports(from: ReplicaId, cycle: Cycle): void {
    const state = this.#state.cycles.get(cycle);
    if (!state || state.askers.has(from)) return;
    state.askers.add(from);
    if (state.decision) return this.#answer(state, from);
    for (const report of state.reports.values()) {
      if (report.statement.replica !== from)
        this.#state.outbox.send(from, { kind: 'report', report });
    }
  }

  /** A cycle is decided: those that asked receive the decision. */
  answer(state: CycleState): void {
    for (const asker of state.askers) this.#answer(state, asker);
  }

  #answer({ decision }: CycleState, to: ReplicaId): void {
    if (decision?.path === 'fast') {
      this.#state.outbox.send(to, { kind: 'fast-decision', reports: decision.reports });
    } else {
      this.#decisions.showPosition(to);
    }
  }

  /** The next cycles with their values, as far as the other knows the active processes of them. */
  #showCycles(to: ReplicaId, position: number): void {
    const last = Math.min(position + this.#state.options.pipelineDepth, this.#state.delivered);
    let isSlow = false;
    for (let cycle = position + 1; cycle <= last; cycle += 1) {
      const state = this.#state.cycles.get(cycle);
      if (!state?.decision) continue;
      this.#showValues(to, state);
      isSlow ||= state.decision.path === 'slow';
      if (state.decision.path === 'slow') continue;
      const { reports } = state.decision;
      this.#state.outbox.send(to, { kind: 'fast-decision', reports });
    }
    // Slow decisions are proved by the Decision Module's own log.
    if (isSlow) this.#decisions.showPosition(to);
  }

  #showValues(to: ReplicaId, { decision, values }: CycleState): void {
    for (const digest of decision?.vector ?? []) {
      const held = digest === null ? undefined : values.get(digest);
      if (held) this.#state.outbox.send(to, { kind: 'proposal', ...held });
    }
  }

  /**
   * Not by a message of an excluded process alone, which makes nobody wait for anything; nor by reports of
   * `f` others on nothing; nor, where this process is not waited for itself, by messages of `f` others,
   * which may have said it to nobody else.
   */
  #isUnderWay({ cycle, decision, startedMs, proposals, reports }: CycleState): boolean {
    if (decision !== undefined) return true;
    const { self, options } = this.#state;
    const awaited = this.#state.rosterAt(cycle)?.awaited ?? new Set<ReplicaId>();
    const proposers = [...awaited].filter((replica) => proposals.has(replica));
    const heard = [...awaited].filter((replica) => proposals.has(replica) || reports.has(replica));
    if (heard.length >= oneCorrect(options.resilience)) return true;
    return awaited.has(self) && (startedMs !== undefined || proposers.length > 0);
  }

  get #awaitedNext(): ReplicaId[] {
    return [...(this.#state.rosterAt(this.#state.delivered + 1)?.awaited ?? [])];
  }

  /**
   * A process that is left out, or is not active again yet, cannot propose; `f + 1` others do, others
   * each time.
   */
  #handOn(tries: number): void {
    const { pending, self, options, outbox } = this.#state;
    const active = this.#awaitedNext.filter((replica) => replica !== self);
    const chosen = Array.from({ length: oneCorrect(options.resilience) }, (_, index) => {
      return active[(tries + index) % active.length];
    });
    const own = pending.first(CHUNK, ({ source }) => source === self);
    for (const batch of inBatches(own, options)) {
      for (const to of chosen) if (to !== undefined) outbox.send(to, { kind: 'requests', batch });
    }
  }
}

export interface ReturningEvents {
  /** Cycles are to start, load or not. */
  wanted(): void;
  /** This replica takes part again. */
  returned(): void;
}

/** Replicas that have lost their stores: this one, or others that want to be past what they signed. */
export class Returning {
  readonly #state: AntipaxosState;
  readonly #events: ReturningEvents;

  constructor(state: AntipaxosState, events: ReturningEvents) {
    this.#state = state;
    this.#events = events;
  }

  /** The others go on past what it may have signed, without load, too. */
  onLost(from: ReplicaId, { nonce, position: closed }: OrderingMessageOf<'lost'>): void {
    const { lost, delivered, options, outbox, favours, wantedThrough } = this.#state;
    // One that has lost its own store does not know how far it was.
    if (lost.isLost) return;
    outbox.send(from, { kind: 'reach', nonce, view: 0 as View, position: delivered });
    const isNear = closed <= delivered + 2 * options.pipelineDepth;
    if (closed <= Math.max(delivered, wantedThrough) || !isNear || !favours.take(from)) return;
    this.#state.wantedThrough = closed;
    this.#events.wanted();
  }

  onReach(from: ReplicaId, message: OrderingMessageOf<'reach'>): void {
    if (this.#state.lost.onReach(from, message)) this.check();
  }

  /** Whether it has what was decided of all that it may have taken part in. */
  check(): void {
    const { lost, delivered } = this.#state;
    if (!lost.isLost || delivered < (lost.bound?.position ?? Number.POSITIVE_INFINITY)) return;
    lost.end();
    this.#events.returned();
  }
}
