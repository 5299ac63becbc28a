import { digestOfCycleValue } from '../../../crypto/ordering/sign.js';
import type { Digest, ReplicaId } from '../../../vocabulary/ids.js';
import type {
  Batch,
  Cycle,
  CycleValue,
  ProposalStatement,
  ReportStatement,
} from '../../../vocabulary/ordering.js';
import type { Signed } from '../../../vocabulary/statements.js';
import { encodeOrderingSigned } from '../../../wire/ordering/index.js';
import type { CycleDecision, CycleState } from './cycle.js';
import { digestsOf, disagree, fastVector, isWellFormed } from './merge.js';
import type { AntipaxosState } from './state.js';

const BATCH = 'batch';

export interface CycleEvents {
  decided(state: CycleState, decision: CycleDecision): void;
  /** Line 26. */
  needsHelp(state: CycleState, reports: readonly Signed<ReportStatement>[]): void;
  /** A value has come that others may have waited for. */
  valueHeld(): void;
  /** Something is under way. */
  started(): void;
}

/** Algorithms 1 to 3: propose, report, commit. Several cycles at once, each on its own. */
export class Cycles {
  readonly #state: AntipaxosState;
  readonly #events: CycleEvents;
  /** The next cycle to start, and the last that another active process has proposed in. */
  #next = 1;
  #heard = 0;
  #isBatchDue = false;
  /** What was proposed here in cycles that are not delivered. */
  readonly #proposed = new Map<number, Batch>();
  /** Excluded processes that have shown to be back. */
  readonly #returned = new Set<ReplicaId>();
  /** The last cycle in which this process said so. */
  #endorsedIn = 0;

  constructor(state: AntipaxosState, events: CycleEvents) {
    this.#state = state;
    this.#events = events;
  }

  /** After a restart: no cycle is proposed in twice. */
  restore(): void {
    this.#next = this.#state.delivered + 1;
    for (const [cycle, { startedMs }] of this.#state.cycles) {
      if (startedMs !== undefined) this.#next = Math.max(this.#next, cycle + 1);
    }
    for (const state of this.#state.cycles.values()) this.#hear(state);
    this.start();
  }

  /** Cycles were delivered: what they left out is proposed again, and others may start. */
  progressed(): void {
    for (const [cycle, batch] of this.#proposed) {
      if (cycle > this.#state.delivered) continue;
      this.#proposed.delete(cycle);
      this.#state.pending.putBack(batch);
    }
    this.#next = Math.max(this.#next, this.#state.delivered + 1);
    for (const replica of this.#returned) {
      if (!this.#mayEndorse(replica)) this.#returned.delete(replica);
    }
    // Who is active in later cycles is known only now.
    for (const state of this.#state.cycles.values()) this.#hear(state);
    this.start();
    for (const state of [...this.#state.cycles.values()]) this.#check(state);
  }

  /** Returns false where the timer is not of a cycle. */
  onTimer(name: string): boolean {
    const [what, place] = name.split('/');
    const state = this.#state.cycles.get(Number(place));
    if (name === BATCH) this.#isBatchDue = true;
    else if (what === 'report' && state) state.isReportDue = true;
    else if (what === 'commit' && state) state.isCommitDue = true;
    else return false;
    if (name === BATCH) this.start();
    else if (state) this.#check(state);
    return true;
  }

  /** An excluded process says that it is back. */
  onRejoin(from: ReplicaId, position: number): void {
    if (position + this.#state.options.pipelineDepth < this.#state.delivered) return;
    if (!this.#mayEndorse(from)) return;
    this.#returned.add(from);
    this.start();
  }

  /** Starts cycles while there is a reason to: without load there are none. */
  start(): void {
    const { pending, options, outbox } = this.#state;
    while (this.#next <= this.#state.last) {
      const isAwaited = this.#next <= this.#heard;
      if (!isAwaited && !this.#isBatchReady && !this.#hasToEndorse) {
        if (pending.hasWaiting) outbox.ensureTimer(BATCH, options.batchDelayMs);
        return;
      }
      const cycle = this.#next as Cycle;
      const isActive = this.#state.activeAt(cycle).has(this.#state.self);
      if (!isAwaited && !isActive) return;
      this.#next += 1;
      this.#isBatchDue = false;
      outbox.stopTimer(BATCH);
      const state = this.#state.cycle(cycle);
      if (state) this.#begin(state, isActive ? pending.take(options) : undefined);
    }
  }

  onProposal(proposal: Signed<ProposalStatement>, value: CycleValue): void {
    const { cycle, replica, digest } = proposal.statement;
    const state = this.#state.cycle(cycle);
    if (!state) return;
    const isFirst = !state.proposals.has(replica);
    const isNew = !state.values.has(digest) && (isFirst || state.wanted.has(digest));
    if (isFirst) this.#onFirst(state, replica, { digest, signature: proposal.signature });
    if (isNew) this.#state.keepValue(state, { proposal, value });
    this.#hear(state);
    this.start();
    this.#events.started();
    this.#check(state);
    if (isNew) this.#events.valueHeld();
  }

  onReport(report: Signed<ReportStatement>): void {
    const { cycle, replica } = report.statement;
    const state = this.#state.cycle(cycle);
    if (!state || state.reports.has(replica)) return;
    state.reports.set(replica, report);
    this.#measure(state.reportedMs);
    this.#events.started();
    this.#check(state);
  }

  /** All matching reports of a cycle, from anybody: a fast decision proves itself. */
  onFastDecision(reports: readonly Signed<ReportStatement>[]): void {
    const cycle = reports[0]?.statement.cycle;
    const state = cycle === undefined ? undefined : this.#state.cycle(cycle);
    if (!state || state.decision) return;
    const statements = reports.map(({ statement }) => statement);
    const vector = fastVector(statements, this.#state.activeAt(state.cycle));
    if (vector) this.#events.decided(state, { path: 'fast', vector, reports });
  }

  /** What this process has said in a cycle, for whoever may have missed it. */
  sayAgain(state: CycleState): void {
    const { outbox, self } = this.#state;
    const own = state.proposals.get(self);
    const held = own && state.values.get(own.digest);
    if (held) outbox.broadcast({ kind: 'proposal', ...held });
    const report = state.reports.get(self);
    if (report) outbox.broadcast({ kind: 'report', report });
    let tries = 0;
    for (const digest of state.wanted.keys()) {
      this.#state.askFor(state, digest);
      tries += 1;
      if (tries >= this.#state.options.resilience.n) return;
    }
  }

  /** Somebody is back, and no cycle that is under way says so. */
  get #hasToEndorse(): boolean {
    return this.#returned.size > 0 && this.#endorsedIn <= this.#state.delivered;
  }

  get #isBatchReady(): boolean {
    const { pending, options } = this.#state;
    const isDue = this.#isBatchDue || options.batchDelayMs === 0;
    return isDue ? pending.hasWaiting : pending.fillsBatch(options);
  }

  #mayEndorse(replica: ReplicaId): boolean {
    const { membership, self } = this.#state;
    return membership.isExcluded(replica) && !membership.hasEndorsed(self, replica);
  }

  /** Lines 1 to 3. An excluded process follows without a word. */
  #begin(state: CycleState, batch: Batch | undefined): void {
    const { outbox, delay, self } = this.#state;
    state.startedMs = outbox.nowMs;
    this.#events.started();
    if (batch) {
      this.#proposed.set(state.cycle, batch);
      if (this.#returned.size > 0) this.#endorsedIn = state.cycle;
      const value: CycleValue = { batch, readmit: [...this.#returned].sort((a, b) => a - b) };
      const digest = digestOfCycleValue(value);
      const { cycle } = state;
      const proposal = outbox.sign<ProposalStatement>({
        kind: 'proposal',
        scope: 'antipaxos',
        cycle,
        replica: self,
        digest,
      });
      state.proposals.set(self, { digest, signature: proposal.signature });
      this.#state.keepValue(state, { proposal, value });
      this.#state.persist(state, `proposal/${cycle}`, encodeOrderingSigned(proposal));
      outbox.broadcast({ kind: 'proposal', proposal, value });
      outbox.startTimer(`report/${cycle}`, delay.timeoutMs);
    }
    this.#check(state);
  }

  #onFirst(
    state: CycleState,
    replica: ReplicaId,
    entry: { readonly digest: Digest; readonly signature: Uint8Array },
  ): void {
    state.proposals.set(replica, entry);
    this.#measure(state.startedMs);
  }

  /** Others are in this cycle: whoever is not proposes, if only nothing. */
  #hear({ cycle, proposals }: CycleState): void {
    if (cycle <= this.#heard) return;
    const active = this.#state.activeAt(cycle);
    if ([...proposals.keys()].some((replica) => active.has(replica))) this.#heard = cycle;
  }

  #measure(sinceMs: number | undefined): void {
    if (sinceMs !== undefined) this.#state.delay.add(this.#state.outbox.nowMs - sinceMs);
  }

  #check(state: CycleState): void {
    if (state.decision || !this.#state.membership.activeAt(state.cycle)) return;
    this.#reportIfDue(state);
    this.#commitIfDue(state);
  }

  /** Lines 4 to 16: at `n - f` proposals, and all of them or the time up. */
  #reportIfDue(state: CycleState): void {
    const { self, options, outbox, delay } = this.#state;
    const active = this.#state.activeAt(state.cycle);
    if (state.startedMs === undefined || !active.has(self) || state.reports.has(self)) return;
    const entries = Array.from({ length: options.resilience.n }, (_, index) => {
      const replica = index as ReplicaId;
      const entry = active.has(replica) ? state.proposals.get(replica) : undefined;
      return entry && state.values.has(entry.digest) ? entry : null;
    });
    const count = entries.filter((entry) => entry !== null).length;
    const { n, f } = options.resilience;
    if (count < n - f || (count < active.size && !state.isReportDue)) return;
    const { cycle } = state;
    const report = outbox.sign<ReportStatement>({
      kind: 'report',
      scope: 'antipaxos',
      cycle,
      replica: self,
      entries,
    });
    this.#state.persist(state, `report/${cycle}`, encodeOrderingSigned(report));
    state.reports.set(self, report);
    state.reportedMs = outbox.nowMs;
    outbox.broadcast({ kind: 'report', report });
    outbox.stopTimer(`report/${cycle}`);
    outbox.startTimer(`commit/${cycle}`, delay.timeoutMs);
  }

  /**
   * Lines 17 to 32. A report counts once the values that it names are at hand: one that names a value
   * which nobody has never does, and a correct reporter hands its values over (protocols.md 3.2). Where
   * the reports rule the fast path out already, there is no reason to wait for the timer.
   */
  #commitIfDue(state: CycleState): void {
    const { options, self } = this.#state;
    const active = this.#state.activeAt(state.cycle);
    const usable = this.#usableReports(state);
    const statements = usable.map(({ statement }) => statement);
    const vector = fastVector(statements, active);
    if (vector) {
      return this.#events.decided(state, { path: 'fast', vector, reports: usable });
    }
    const isOver = state.isCommitDue || disagree(statements, active);
    const isEnough = usable.length >= options.resilience.n - options.resilience.f;
    if (!isEnough || !isOver || !state.reports.has(self) || state.hasAskedForHelp) return;
    state.hasAskedForHelp = true;
    this.#events.needsHelp(state, usable);
  }

  #usableReports(state: CycleState): Signed<ReportStatement>[] {
    const active = this.#state.activeAt(state.cycle);
    const wellFormed = [...state.reports.values()].filter(({ statement }) =>
      isWellFormed(statement, active, this.#state.options.resilience),
    );
    for (const { statement } of wellFormed) {
      this.#state.seek(state, digestsOf(statement), statement.replica);
    }
    return wellFormed
      .filter(({ statement }) => state.holds(digestsOf(statement)))
      .sort((a, b) => a.statement.replica - b.statement.replica);
  }
}
