import type { ReplicaId } from '../../../vocabulary/ids.js';
import type {
  CycleValue,
  ProposalStatement,
  ReportEntry,
  ReportStatement,
} from '../../../vocabulary/ordering.js';
import type { Signed } from '../../../vocabulary/statements.js';
import { encodeOrderingSigned } from '../../../wire/ordering/index.js';
import type { CycleDecision, CycleState } from './cycle.js';
import { digestsOf, fastVector } from './merge.js';
import { Proposer } from './proposing.js';
import type { AntipaxosState } from './state.js';

export interface CycleEvents {
  decided(state: CycleState, decision: CycleDecision): void;
  /** Line 26. */
  needsHelp(state: CycleState, reports: readonly Signed<ReportStatement>[]): void;
  /** A value has come that others may have waited for. */
  valueHeld(): void;
  /** Something is under way. */
  started(): void;
}

/** Algorithms 2 and 3: report and commit. Several cycles at once, each on its own. */
export class Cycles {
  readonly #state: AntipaxosState;
  readonly #events: CycleEvents;
  readonly #proposer: Proposer;

  constructor(state: AntipaxosState, events: CycleEvents) {
    this.#state = state;
    this.#events = events;
    this.#proposer = new Proposer(state, {
      began: (begun) => {
        this.#events.started();
        this.#check(begun);
      },
    });
  }

  /** After a restart: the phases that were under way have their time anew. */
  restore(): void {
    const { cycles, delivered, delay, outbox, self } = this.#state;
    for (const state of cycles.values()) {
      if (state.cycle <= delivered || state.startedMs === undefined) continue;
      const phase = state.reports.has(self) ? 'commit' : 'report';
      outbox.startTimer(`${phase}/${state.cycle}`, delay.timeoutMs);
    }
    this.#proposer.restore();
    for (const state of [...cycles.values()]) this.#check(state);
  }

  /** Cycles were delivered: others may start, and who is active in later ones is known. */
  progressed(): void {
    this.#proposer.progressed();
    for (const state of [...this.#state.cycles.values()]) this.#check(state);
  }

  /** Requests have come. */
  start(): void {
    this.#proposer.start();
  }

  onRejoin(from: ReplicaId, position: number): void {
    this.#proposer.onRejoin(from, position);
  }

  /** Returns false where the timer is not of a cycle. */
  onTimer(name: string): boolean {
    if (this.#proposer.onTimer(name)) return true;
    const [what, place] = name.split('/');
    const state = this.#state.cycles.get(Number(place));
    if (!state) return false;
    if (what === 'fetch') this.#fetchMissing(state);
    else if (what === 'report') state.isReportDue = true;
    else if (what === 'commit') state.isCommitDue = true;
    else return false;
    this.#check(state);
    return true;
  }

  onProposal(proposal: Signed<ProposalStatement>, value: CycleValue): void {
    const { cycle, replica, digest } = proposal.statement;
    const state = this.#state.cycle(cycle);
    if (!state) return;
    const isFirst = !state.proposals.has(replica);
    const isWanted = state.wanted.has(digest);
    const isNew = !state.values.has(digest) && (isFirst || isWanted);
    if (isFirst) this.#onFirst(state, replica, { digest, signature: proposal.signature });
    if (isNew) this.#state.keepValue(state, { proposal, value });
    if (isNew && isWanted) state.reports.retry();
    this.#proposer.hear(state);
    this.#proposer.start();
    this.#events.started();
    this.#check(state);
    if (isNew) this.#events.valueHeld();
  }

  onReport(report: Signed<ReportStatement>): void {
    const { cycle, replica } = report.statement;
    const state = this.#state.cycle(cycle);
    if (!state || state.reports.has(replica)) return;
    state.reports.add(report);
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
    for (const digest of state.wanted) {
      outbox.broadcast({ kind: 'fetch-value', cycle: state.cycle, digest });
      tries += 1;
      if (tries >= this.#state.options.resilience.n) return;
    }
  }

  #onFirst(state: CycleState, replica: ReplicaId, entry: ReportEntry): void {
    state.proposals.set(replica, entry);
    this.#measure(state.startedMs);
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
    const { n, f } = options.resilience;
    const needed = state.isReportDue ? n - f : active.size;
    if (state.proposals.size < needed) return;
    const entries = Array.from({ length: n }, (_, index) => {
      const replica = index as ReplicaId;
      const entry = active.has(replica) ? state.proposals.get(replica) : undefined;
      return entry && state.values.has(entry.digest) ? entry : null;
    });
    if (entries.filter((entry) => entry !== null).length < needed) return;
    const { cycle } = state;
    const report = outbox.sign<ReportStatement>({
      kind: 'report',
      scope: 'antipaxos',
      cycle,
      replica: self,
      entries,
    });
    this.#state.persist(state, `report/${cycle}`, encodeOrderingSigned(report));
    state.reports.add(report);
    state.reportedMs = outbox.nowMs;
    outbox.broadcast({ kind: 'report', report });
    outbox.stopTimer(`report/${cycle}`);
    outbox.startTimer(`commit/${cycle}`, delay.timeoutMs);
  }

  /**
   * Lines 17 to 32. Where the reports rule the fast path out already, there is no reason to wait for the
   * timer.
   */
  #commitIfDue(state: CycleState): void {
    const { options, self } = this.#state;
    const { reports } = state;
    const active = this.#state.activeAt(state.cycle);
    reports.judge(active, options.resilience, (statement) => this.#isAtHand(state, statement));
    const vector = reports.fastVector(active);
    if (vector) {
      return this.#events.decided(state, { path: 'fast', vector, reports: reports.usable });
    }
    const isOver = state.isCommitDue || reports.isSplit;
    const isEnough = reports.usableCount >= options.resilience.n - options.resilience.f;
    if (!isEnough || !isOver || !reports.has(self) || state.hasAskedForHelp) return;
    state.hasAskedForHelp = true;
    this.#events.needsHelp(state, reports.usable);
  }

  /** What is on its way comes within a quarter of the timeout; then it is asked for (theorem 5.5). */
  #isAtHand(state: CycleState, statement: ReportStatement): boolean {
    if (state.want(digestsOf(statement)).length === 0) return true;
    const { outbox, delay } = this.#state;
    outbox.ensureTimer(`fetch/${state.cycle}`, delay.timeoutMs / 4);
    return false;
  }

  #fetchMissing(state: CycleState): void {
    const statements = state.reports.incomplete.map(({ statement }) => statement);
    for (const statement of statements) this.#state.seek(state, digestsOf(statement), statements);
  }
}
