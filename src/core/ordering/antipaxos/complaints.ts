import type { ReplicaId } from '../../../vocabulary/ids.js';
import type { CycleState } from './cycle.js';
import type { Roster } from './roster.js';
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

/** A cycle is over: this process says who was slow in it. */
export function complainOfSlow(shared: AntipaxosState, state: CycleState): void {
  const { testimony, self, delay, membership } = shared;
  const roster = membership.rosterAt(state.cycle);
  if (!roster) return;
  for (const replica of silentIn(state, roster)) {
    noteDelay(shared, state, replica, state.reportedMs);
  }
  testimony.complain(state.cycle, state.slow, 'slow');
  testimony.complain(state.cycle, omittingIn(state, roster, self, delay.promptMs), 'slow');
}

/** Nobody is in the way where there is no fast path. */
function awaitedIn({ awaited, hasFastPath }: Roster): readonly ReplicaId[] {
  return hasFastPath ? [...awaited] : [];
}
