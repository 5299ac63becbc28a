import type { Digest, ReplicaId, View } from '../../../vocabulary/ids.js';
import type { Cycle } from '../../../vocabulary/ordering.js';
import { oneCorrect } from '../../../vocabulary/quorum.js';
import { resendDelayMs } from '../../effects.js';
import type { Checkpoints } from '../checkpoints.js';
import { inBatches } from '../pending.js';
import type { CycleState } from './cycle.js';
import type { Cycles } from './cycles.js';
import type { DecisionModule } from './decision-module.js';
import type { AntipaxosState } from './state.js';

const RESEND = 'resend';
/** Times that a process is told, after a delivery, that it seems to be elsewhere. */
const NUDGES_MAX = 8;
/** Requests that an excluded process hands on at once. */
const CHUNK = 64;

/** Links lose messages: what is said again, and what is shown to those that are behind. */
export class CatchingUp {
  readonly #state: AntipaxosState;
  readonly #cycles: Cycles;
  readonly #decisions: DecisionModule;
  readonly #checkpoints: Checkpoints;
  readonly #positions = new Map<ReplicaId, number>();
  /** What each was last told unasked, so that two do not go on telling each other the same. */
  readonly #told = new Map<ReplicaId, number>();
  #resends = 0;
  #nudges = 0;

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

  /** A process in this cycle has delivered all but a pipeline's depth before it. */
  heard(replica: ReplicaId, position: number): void {
    this.#positions.set(replica, Math.max(this.#positions.get(replica) ?? 0, position));
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== RESEND) return false;
    this.#told.clear();
    if (!this.#sayAgain() && !this.#nudge()) return true;
    this.#resends += 1;
    this.watch();
    return true;
  }

  sendStatus(to: ReplicaId): void {
    this.#told.set(to, this.#state.delivered);
    this.#state.outbox.send(to, { kind: 'status', ...this.#status() });
  }

  /** A peer is there again. */
  greet(replica: ReplicaId): void {
    this.sendStatus(replica);
    this.#decisions.showPosition(replica);
    if (this.#state.membership.isExcluded(this.#state.self)) this.watch();
  }

  onStatus(from: ReplicaId, position: number, stable: number): void {
    const { delivered, low } = this.#state;
    this.#positions.set(from, position);
    if (stable < low && position >= low) this.#checkpoints.show(from, 'stable');
    if (position < low) this.#showState(from);
    else if (position < delivered) this.#show(from, position);
    const isBehind = position > delivered || stable > low;
    if (isBehind) this.#ask(from);
  }

  /** Once from a place, for a state takes a while to come; what is lost on its way, later again. */
  #ask(from: ReplicaId): void {
    if (this.#told.get(from) !== this.#state.delivered) this.sendStatus(from);
    this.watch();
  }

  onFetch(from: ReplicaId, cycle: Cycle, digest: Digest): void {
    const held = this.#state.cycles.get(cycle)?.values.get(digest);
    if (held) this.#state.outbox.send(from, { kind: 'proposal', ...held });
  }

  #showState(to: ReplicaId): void {
    this.#checkpoints.show(to, 'state');
    this.sendStatus(to);
  }

  /** The next cycles with their values, as far as the other knows who was active in them. */
  #show(to: ReplicaId, position: number): void {
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
    this.sendStatus(to);
  }

  #showValues(to: ReplicaId, { decision, values }: CycleState): void {
    for (const digest of decision?.vector ?? []) {
      const held = digest === null ? undefined : values.get(digest);
      if (held) this.#state.outbox.send(to, { kind: 'proposal', ...held });
    }
  }

  #status(): { readonly view: View; readonly position: number; readonly stable: number } {
    return { view: 0 as View, position: this.#state.delivered, stable: this.#state.low };
  }

  /** Returns whether there was anything that others may have missed. */
  #sayAgain(): boolean {
    const { cycles, delivered, pending, outbox, membership, self, last } = this.#state;
    const open = [...cycles.values()].filter(
      (state) => state.cycle > delivered && state.cycle <= last && this.#isUnderWay(state),
    );
    for (const state of open) this.#cycles.sayAgain(state);
    this.#checkpoints.sayAgain();
    // Nobody could take it back earlier, and without load the time for it may never come.
    const mayReturn = membership.mayReturnIn(delivered + 1, self);
    if (mayReturn) outbox.broadcast({ kind: 'rejoin', position: delivered });
    if (membership.isExcluded(self) || !this.#awaitedNext.includes(self)) this.#handOn();
    const { isUnstable } = this.#checkpoints;
    const isOpen = open.length > 0 || pending.size > 0 || mayReturn || isUnstable;
    if (isOpen) outbox.broadcast({ kind: 'status', ...this.#status() });
    return isOpen;
  }

  /**
   * Not by the word of an excluded process alone, which makes nobody wait for anything; nor by reports of
   * `f` others on nothing; nor, where this process is not waited for itself, by the word of `f` others,
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
  #handOn(): void {
    const { pending, self, options, outbox } = this.#state;
    const active = this.#awaitedNext.filter((replica) => replica !== self);
    const chosen = Array.from({ length: oneCorrect(options.resilience) }, (_, index) => {
      return active[(this.#resends + index) % active.length];
    });
    const own = pending.first(CHUNK, ({ source }) => source === self);
    for (const batch of inBatches(own, options)) {
      for (const to of chosen) if (to !== undefined) outbox.send(to, { kind: 'requests', batch });
    }
  }

  /**
   * Whoever has not been heard of at this place may have missed the last messages; and whoever was heard
   * of further on may have more, which nobody offers again once a state has come.
   */
  #nudge(): boolean {
    const { options, self, delivered } = this.#state;
    if (this.#nudges >= NUDGES_MAX) return false;
    this.#nudges += 1;
    const elsewhere = Array.from({ length: options.resilience.n }, (_, index) => index as ReplicaId)
      .filter((replica) => replica !== self)
      .filter((replica) => (this.#positions.get(replica) ?? 0) !== delivered);
    for (const replica of elsewhere) this.sendStatus(replica);
    return elsewhere.length > 0;
  }
}
