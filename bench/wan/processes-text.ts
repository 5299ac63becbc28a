import { withPrimary } from '../simulated/cluster.js';
import { fourContinents } from '../simulated/deployments.js';
import type { RegionLatencies } from '../simulated/region-clients.js';
import { textTable } from '../support/text-table.js';
import type { RealResult, RealRow } from './processes.js';

/** The tables for people: each row twice, in virtual time and over processes. */
export function realText(results: readonly RealResult[]): string {
  return results
    .flatMap((result) => [
      latenciesText(result),
      ...(result.deployment === fourContinents ? [primariesText(result)] : []),
    ])
    .join('\n');
}

const ways = ['model', 'processes'] as const;

function latenciesText({ deployment: { name, regions }, rows, troubles }: RealResult): string {
  const lines = rows.flatMap((row) =>
    ways.map((way) => [
      row.engine,
      withPrimary.has(row.engine) ? (regions[row.primary] ?? '') : '',
      `${row.contention * 100} %`,
      way,
      row.clientsPerRegion,
      row.depth,
      ...row[way].byRegionMs.map((ms) => ms.toFixed(0)),
      row[way].meanMs.toFixed(0),
      row[way].requestsPerSecond.toFixed(1),
    ]),
  );
  const head = ['engine', 'primary in', 'contention', 'in', 'clients a region', 'depth'];
  return [
    `${name}: mean latency of each region's clients, ms, in virtual time and over processes`,
    textTable([...head, ...regions, 'mean', 'requests/s'], lines, 4),
    `All replicas executed the same. Troubles: ${troubles
      .map((each) => `${each.engine} ${each.troubles}`)
      .join(', ')}.`,
  ].join('\n');
}

/** Two steps against three: by the client beside the primary, and by all. */
function primariesText({ deployment: { regions }, rows }: RealResult): string {
  const of = (engine: RealRow['engine'], primary: number) =>
    rows.find((row) => row.engine === engine && row.primary === primary);
  const lines = regions.flatMap((region, primary) => {
    const [fab, pbft] = [of('fab', primary), of('pbft', primary)];
    if (!fab || !pbft) return [];
    return ways.map((way) => [
      region,
      way,
      ...[beside(fab[way], primary), beside(pbft[way], primary)].map((ms) => ms.toFixed(0)),
      ...[fab[way].meanMs, pbft[way].meanMs].map((ms) => ms.toFixed(0)),
      `${((1 - fab[way].meanMs / pbft[way].meanMs) * 100).toFixed(0)} %`,
    ]);
  });
  const head = ['primary in', 'in', 'fab beside it', 'pbft beside it', 'fab mean', 'pbft mean'];
  return [
    'FaB against PBFT: two steps and three over the same round trips, ms',
    textTable([...head, 'less'], lines),
  ].join('\n');
}

function beside({ byRegionMs }: RegionLatencies, region: number): number {
  return byRegionMs[region] ?? Number.NaN;
}
