import { invariant } from '../../../kernel/core.js';
import type { ReplicaId } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { encodeOrderingSigned } from '../../statement-codec.js';
import type { CycleValue, ProposalStatement, ReportEntry, ReportStatement } from '../../types.js';
import type { CycleDecision, CycleState, PhaseAge } from './cycle.js';
import type { Roster } from './membership.js';
import { complainOfSlow, dividingIn, noteDelay, Proposer, silentIn } from './proposing.js';
import { digestsOf, fastVector } from './reports.js';
import type { AntipaxosState } from './state.js';

/** Lines 4 to 16: at `n - f` proposals, and all that are waited for or the time up. */
function reportIfDue(shared: AntipaxosState, state: CycleState, roster: Roster): void {
  const { self, outbox, delay } = shared;
  const { cycle, reports, startedMs, proposals } = state;
  if (startedMs === undefined || !roster.reporters.has(self) || reports.has(self)) return;
  invariant(!shared.lost.isLost, 'a replica without its store reports nothing');
  invariant(proposals.has(self), 'no report before its own value');
  const isDue = state.reporting !== 'fresh';
  if (proposals.size < (isDue ? roster.usual : roster.awaited.size)) return;
  const entries = entriesOf(state, roster);
  const count = entries.filter((entry) => entry !== null).length;
  if (count < roster.usual || (!roster.isComplete(entries) && !isDue)) return;
  const report = outbox.sign<ReportStatement>({
    kind: 'report',
    scope: 'antipaxos',
    cycle,
    replica: self,
    entries,
  });
  shared.storeValues(state, digestsOf(report.statement));
  shared.persist(state, `report/${cycle}`, () => encodeOrderingSigned(report));
  reports.add(report);
  state.reportedMs = outbox.nowMs;
  outbox.broadcast({ kind: 'report', report });
  outbox.stopTimer(`report/${cycle}`);
  if (!state.decision) outbox.startTimer(`commit/${cycle}`, delay.timeoutMs);
}

/** The values at hand; that of the one that the fast path goes without only if there is no other way. */
function entriesOf(
  { proposals, values, reporting }: CycleState,
  roster: Roster,
): (ReportEntry | null)[] {
  const isOpen = !roster.hasFastPath || reporting === 'overdue';
  return Array.from({ length: roster.resilience.n }, (_, index) => {
    const replica = index as ReplicaId;
    const entry = isOpen || roster.awaited.has(replica) ? proposals.get(replica) : undefined;
    return entry && values.has(entry.digest) ? entry : null;
  });
}

/** A phase that is due is overdue after so many timeouts more. */
const OVERDUE = 2;

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

  /**
   * After a restart: the phases that were under way have their time anew, and what was on disk, but may
   * never have left, is said before anything that builds on it: no report before its own proposal.
   */
  restore(): void {
    const { cycles, delivered, delay, outbox, self } = this.#state;
    for (const state of cycles.values()) {
      if (state.cycle <= delivered || state.startedMs === undefined) continue;
      const phase = state.reports.has(self) ? 'commit' : 'report';
      outbox.startTimer(`${phase}/${state.cycle}`, delay.timeoutMs);
      this.sayAgain(state);
    }
    this.#proposer.restore();
    for (const state of [...cycles.values()]) this.#check(state);
  }

  /** Cycles were delivered: others may start, and the active processes of later ones are known. */
  progressed(): void {
    this.#proposer.progressed();
    const { cycles, delivered } = this.#state;
    for (const state of [...cycles.values()]) if (state.cycle > delivered) this.#check(state);
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
    else if (what === 'ask') this.#askForReports(state);
    else if (what === 'report') state.reporting = this.#losePatience(name, state.reporting);
    else if (what === 'commit' && state.cycle <= this.#state.delivered)
      this.#complainOfSilent(state);
    else if (what === 'commit') state.committing = this.#losePatience(name, state.committing);
    else return false;
    this.#check(state);
    return true;
  }

  /**
   * A cycle is over: which were slow? Where it took the slow path: which were in the way of the fast one? Of a
   * report that is missing that is known once the time for it is over, and the values that it names, which a
   * liar may have shown to its reporter alone, have been asked for.
   */
  settled(state: CycleState): void {
    this.#proposer.executed(state.cycle);
    const { outbox, self, observations } = this.#state;
    const roster = this.#state.rosterAt(state.cycle);
    const isSlow = state.decision?.path === 'slow' && !outbox.replaying;
    if (!outbox.replaying) complainOfSlow(this.#state, state);
    if (roster && isSlow) {
      observations.complain(state.cycle, dividingIn(state, roster, self), 'absent');
    }
    const isLookedBackOn = isSlow && state.committing === 'fresh';
    if (isSlow && !isLookedBackOn) this.#complainOfSilent(state);
    const isReporting = state.startedMs !== undefined && !state.reports.has(self);
    const running = [...(isLookedBackOn ? ['commit'] : []), ...(isReporting ? ['report'] : [])];
    this.#state.stopTimers(state.cycle, running);
  }

  onProposal(proposal: Signed<ProposalStatement>, value: CycleValue): void {
    const { cycle, replica, digest } = proposal.statement;
    const state = this.#state.cycle(cycle);
    if (!state) return;
    const isFirst = !state.proposals.has(replica);
    const isWanted = state.wanted.has(digest);
    const isNew = !state.values.has(digest) && (isFirst || isWanted);
    if (isFirst) this.#onFirst(state, replica, { digest, signature: proposal.signature });
    if (isNew) state.hold({ proposal, value });
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
    this.#measureReport(state, report.statement);
    noteDelay(this.#state, state, replica, state.reportedMs);
    this.#events.started();
    this.#check(state);
  }

  /** All matching reports of a cycle, from anybody: a fast decision proves itself. */
  onFastDecision(reports: readonly Signed<ReportStatement>[]): void {
    const cycle = reports[0]?.statement.cycle;
    const state = cycle === undefined ? undefined : this.#state.cycle(cycle);
    if (!state || state.decision) return;
    const statements = reports.map(({ statement }) => statement);
    const roster = this.#state.rosterAt(state.cycle);
    const vector = roster && fastVector(statements, roster);
    if (vector) this.#events.decided(state, { path: 'fast', vector, reports });
  }

  /** What this process has sent in a cycle, for those that may have missed it. */
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
    this.#measure(state, replica, state.startedMs);
    noteDelay(this.#state, state, replica, state.startedMs);
  }

  /** Nobody waits for an excluded process, so how late it is does not matter. */
  #measure({ cycle }: CycleState, from: ReplicaId, sinceMs: number | undefined): void {
    const isAwaited = this.#state.rosterAt(cycle)?.awaited.has(from);
    if (isAwaited && sinceMs !== undefined) {
      this.#state.delay.add(from, sinceMs, this.#state.outbox.nowMs);
    }
  }

  /** A report that lacks a value came after its sender's timeout, not after the network's delay. */
  #measureReport(state: CycleState, { replica, entries }: ReportStatement): void {
    const roster = this.#state.rosterAt(state.cycle);
    const own = state.reports.get(this.#state.self)?.statement.entries;
    const areComplete = roster?.isComplete(entries) && own && roster.isComplete(own);
    if (areComplete) this.#measure(state, replica, state.reportedMs);
  }

  /**
   * It reports in a decided cycle, too: others may have asked the Decision Module without its report, and
   * must not take it for absent because their decision came before the last value.
   */
  #check(state: CycleState): void {
    const roster = this.#state.rosterAt(state.cycle);
    if (!roster) return;
    const isAtHand = (statement: ReportStatement) => this.#isAtHand(state, statement);
    state.reports.judge(roster, isAtHand);
    reportIfDue(this.#state, state, roster);
    // Its own may be the last that is missing.
    state.reports.judge(roster, isAtHand);
    if (!state.decision) this.#commitIfDue(state, roster);
  }

  #losePatience(timer: string, patience: PhaseAge): PhaseAge {
    if (patience !== 'fresh') return 'overdue';
    const { outbox, delay } = this.#state;
    outbox.startTimer(timer, OVERDUE * delay.timeoutMs);
    return 'due';
  }

  /**
   * Lines 17 to 32. Where the fast path is ruled out already, there is no reason to wait for the timer.
   */
  #commitIfDue(state: CycleState, roster: Roster): void {
    const { reports } = state;
    const vector = reports.fastVector(roster);
    if (vector) {
      return this.#events.decided(state, { path: 'fast', vector, reports: reports.usable });
    }
    this.#askInTime(state, roster);
    const isOver = state.committing !== 'fresh' || reports.isSplit;
    const needed = state.committing === 'overdue' ? roster.least : roster.usual;
    if (reports.usableCount < needed || !isOver || state.hasAskedForHelp) return;
    if (!reports.has(this.#state.self)) return;
    state.hasAskedForHelp = true;
    this.#events.needsHelp(state, reports.usable);
  }

  #complainOfSilent(state: CycleState): void {
    const roster = this.#state.rosterAt(state.cycle);
    if (roster) this.#state.observations.complain(state.cycle, silentIn(state, roster), 'absent');
  }

  /** Enough have reported to decide: what the others reported is asked for soon, if it does not come. */
  #askInTime(state: CycleState, roster: Roster): void {
    if (state.hasAskedForReports || state.reports.count < roster.least) return;
    const { outbox, delay } = this.#state;
    outbox.ensureTimer(`ask/${state.cycle}`, delay.askAfterMs);
  }

  /**
   * A liar that keeps its report from this process alone must not make it late for all: a process that has the report, or
   * the decision, hands it on.
   */
  #askForReports(state: CycleState): void {
    if (state.decision || state.hasAskedForReports) return;
    state.hasAskedForReports = true;
    this.#state.outbox.broadcast({ kind: 'fetch-reports', cycle: state.cycle });
  }

  /** What is on its way comes soon; then it is asked for, well within the timeout (theorem 5.5). */
  #isAtHand(state: CycleState, statement: ReportStatement): boolean {
    if (state.want(digestsOf(statement)).length === 0) {
      this.#adopt(state, statement);
      return true;
    }
    const { outbox, delay } = this.#state;
    outbox.ensureTimer(`fetch/${state.cycle}`, delay.askAfterMs);
    return false;
  }

  /**
   * A report holds the signatures of those that it names. Of two that propose the same a process may lack
   * only one's signature, and has no value to ask for.
   */
  #adopt(state: CycleState, { entries }: ReportStatement): void {
    entries.forEach((entry, index) => {
      const replica = index as ReplicaId;
      if (!entry || replica === this.#state.self || state.proposals.has(replica)) return;
      this.#onFirst(state, replica, entry);
    });
  }

  #fetchMissing(state: CycleState): void {
    const statements = state.reports.incomplete.map(({ statement }) => statement);
    for (const statement of statements) this.#state.seek(state, digestsOf(statement), statements);
  }
}
