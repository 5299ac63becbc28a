import type { Spread, Summary } from './results.js';
import type { Report } from './run.js';
import type { WayName } from './ways.js';

const titles: Readonly<Record<WayName, string>> = {
  bank: 'bank (the base)',
  table: 'kit, its own table',
  postgres: 'kit, PostgreSQL',
  sidecar: 'sidecar, HTTP service',
  gateway: 'gateway, plain WS-AT',
};

/** The report for people, in Markdown. */
export function reportText(report: Report): string {
  const { machine, settings, missing, viewChanges } = report;
  const transfers = Object.entries(report.transfers).map(([way, count]) => `${way} ${count}`);
  return [
    throughputTable(report.ways),
    processorTable(report.ways),
    ...missing.map((line) => `${line}.\n`),
    `${settings.clients} clients, windows of ${settings.seconds} s, medians of ${settings.rounds} rounds ` +
      `(least to most). Transfers: ${transfers.join(', ')}; all committed; money conserved; ` +
      `${viewChanges} view changes.`,
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, ` +
      `Node ${machine.node}; load before: ${machine.loadBefore}.`,
  ].join('\n');
}

export function throughputTable(ways: readonly Summary[]): string {
  return markdown(
    ['made by', 'transfers/s', 'ratio', 'p50 ms', 'p99 ms'],
    ways.map(({ way, transfersPerSecond, ratio, p50Ms, p99Ms }) => [
      titles[way],
      spreadText(transfersPerSecond, 1),
      spreadText(ratio, 2),
      p50Ms.toFixed(0),
      p99Ms.toFixed(0),
    ]),
  );
}

export function processorTable(ways: readonly Summary[]): string {
  return markdown(
    ['processor ms', 'coordinators', 'initiators', 'participants', 'clients', 'all', 'ratio'],
    ways.map(({ way, processorMs, processorMsOfAll, processorRatio }) => [
      titles[way],
      processorMs.coordinators.toFixed(1),
      processorMs.initiators.toFixed(1),
      processorMs.participants.toFixed(1),
      processorMs.clients.toFixed(1),
      processorMsOfAll.toFixed(1),
      spreadText(processorRatio, 2),
    ]),
  );
}

function spreadText({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = `|${'---|'.repeat(head.length)}`;
  return `${[line(head), rule, ...rows.map(line)].join('\n')}\n`;
}
