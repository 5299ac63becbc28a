import type { ReplicaId } from '../../../vocabulary/ids.js';
import type { ReportEntry, ReportStatement } from '../../../vocabulary/ordering.js';
import { encodeOrderingSigned } from '../../../wire/ordering/index.js';
import { invariant } from '../../invariant.js';
import type { CycleState } from './cycle.js';
import { digestsOf } from './merge.js';
import type { Roster } from './roster.js';
import type { AntipaxosState } from './state.js';

/** Lines 4 to 16: at `n - f` proposals, and all that are waited for or the time up. */
export function reportIfDue(shared: AntipaxosState, state: CycleState, roster: Roster): void {
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
  shared.persist(state, `report/${cycle}`, encodeOrderingSigned(report));
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
