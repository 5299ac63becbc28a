import { table } from '../../../src/cli/output.js';
import { clock } from '../run.js';
import type { DatabasesResult } from './run.js';

/** For programs. */
export function databasesObject({ tookMs, settledMs, ...rest }: DatabasesResult): object {
  return { ...rest, tookMs: Math.round(tookMs), settledMs: Math.round(settledMs) };
}

/** For people; the last line is for programs, too. */
export function databasesText(result: DatabasesResult): string {
  const { counts, orders, proofs, lagging, violations, folders } = result;
  const { committed, aborted, unknown } = orders;
  return [
    table(
      ['KILLED (SIGKILL)', ...Object.keys(counts.killed).map((group) => group.toUpperCase())],
      [['', ...Object.values(counts.killed).map((count) => `${count}`)]],
    ),
    '',
    `seed ${result.seed}, ${clock(result.tookMs)} min; view changes: ${result.viewChanges}`,
    `killed again while they started: ${counts.again}; one process of a server alone: ${counts.partial}`,
    `prepared transactions that servers had when they were up again: ${counts.survivors}`,
    `orders: ${committed} committed, ${aborted} aborted, ${unknown} unknown to the client; ` +
      `${result.entries} in each database`,
    `why orders aborted: ${reasonsText(result.reasons)}`,
    `all open work finished ${Math.round(result.settledMs)} ms after the last answer` +
      (lagging.length === 0 ? '' : `, but ${lagging.join(', ')} had not caught up`),
    `proofs of ${proofs.transfers} orders: ${proofs.verified} verified, ${proofs.absent} absent`,
    ...violations.map(({ rule, what }) => `VIOLATION of ${rule}: ${what}`),
    ...(folders.length === 0 ? [] : [`logs, answers, stores and databases: ${folders.join(' ')}`]),
    '',
    `databases: ${result.kills} kills, ${committed} committed, ${aborted} aborted, ` +
      `${unknown} unknown, ${violations.length} violations`,
  ].join('\n');
}

function reasonsText(reasons: DatabasesResult['reasons']): string {
  const sorted = Object.entries(reasons).sort(([, a], [, b]) => b - a);
  return sorted.map(([reason, count]) => `${reason} ${count}`).join(', ');
}
