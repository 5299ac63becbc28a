import { textTable } from '../support/text-table.js';
import type { PeerPoint } from './results.js';
import type { ComparedSystems, Report } from './run.js';

/** The report for people. */
export function reportText(report: Report): string {
  const { transfers, ordering, skipped, settings, machine } = report;
  const versions = { ...transfers.versions, ...ordering?.versions };
  return [
    'A transfer between two participants',
    ...comparedText(transfers, 'ms'),
    ...(ordering
      ? ['An empty request ordered by four replicas', ...comparedText(ordering, 'us')]
      : []),
    ...skipped.map((line) => `${line}.\n`),
    `Medians of ${settings.rounds} rounds, windows of ${settings.seconds} s, after ${settings.warmUp} transfers or ` +
      `${settings.warmUpSeconds} s of each. All committed; money conserved.`,
    `${[...new Set(Object.values(versions))].join(', ')}; ${machine.processor}, ${machine.cores} cores, ` +
      `${machine.memoryGiB} GiB, ${machine.system}; load before the windows: ${machine.loadBefore}.`,
  ].join('\n');
}

function comparedText({ base, systems, done }: ComparedSystems, unit: 'ms' | 'us'): string[] {
  const processor = ({ processorMs }: PeerPoint) =>
    (unit === 'ms' ? processorMs : processorMs * 1000).toFixed(1);
  const best = systems.map(({ system, best: point, ratios }) => [
    system,
    point.clients,
    point.perSecond.toFixed(1),
    ratios.perSecond.toFixed(2),
    processor(point),
    ratios.processorMs.toFixed(2),
    done[system] ?? 0,
  ]);
  const all = systems.flatMap(({ system, points }) =>
    points.map((point) => [
      system,
      point.clients,
      ...[point.perSecond, point.p50Ms, point.p99Ms].map((value) => value.toFixed(1)),
      processor(point),
    ]),
  );
  const columns = ['system', 'clients', 'a second'];
  return [
    `Each at its best number of clients, ratios to ${base}; "all" has those of the warm-up, too`,
    textTable([...columns, 'ratio', `processor ${unit}`, 'ratio', 'all'], best, 1),
    textTable([...columns, 'p50 ms', 'p99 ms', `processor ${unit}`], all, 1),
  ];
}
