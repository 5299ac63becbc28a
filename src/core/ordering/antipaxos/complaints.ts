import type { ReplicaId } from '../../../vocabulary/ids.js';
import type { CycleState } from './cycle.js';
import type { Roster } from './roster.js';

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

/** Nobody is in the way where there is no fast path. */
function awaitedIn({ awaited, hasFastPath }: Roster): readonly ReplicaId[] {
  return hasFastPath ? [...awaited] : [];
}
