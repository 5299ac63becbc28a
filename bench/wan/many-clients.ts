import type { RunContext } from '../benchmark.js';
import { type EngineName, engineNames, withPrimary } from '../simulated/cluster.js';
import { measuredCosts } from '../simulated/costs.js';
import { fourContinents } from '../simulated/deployments.js';
import { type RegionLatencies, regionLatencies } from '../simulated/region-clients.js';
import { textTable } from '../support/text-table.js';

/** What so many clients in each region wait for, with one engine: ezBFT's figure 7. */
export interface ManyClientsRow extends RegionLatencies {
  readonly engine: EngineName;
  readonly contention: number;
  readonly clientsPerRegion: number;
}

const counts = [1, 10, 50, 100];

/** Over ezBFT's four regions, with the primary in the first of them. */
export function measureManyClients({ progress, signal }: RunContext): ManyClientsRow[] {
  return engineNames.flatMap((engine) =>
    (engine === 'ezbft' ? [0, 0.5] : [0]).flatMap((contention) =>
      counts.map((clientsPerRegion): ManyClientsRow => {
        signal.throwIfAborted();
        progress(`${clientsPerRegion} clients a region: ${engine}, contention ${contention}`);
        const load = { contention, clientsPerRegion, costs: measuredCosts };
        const setting = { engine, deployment: fourContinents, primary: 0, ...load };
        return { engine, contention, clientsPerRegion, ...regionLatencies(setting) };
      }),
    ),
  );
}

export function manyClientsText(rows: readonly ManyClientsRow[]): string {
  const { name, regions } = fourContinents;
  return [
    `${name}: mean latency of each region's clients, ms, by how many they are (figure 7)`,
    textTable(
      ['engine', 'primary in', 'contention', 'clients a region', ...regions, 'mean', 'requests/s'],
      rows.map(({ engine, contention, clientsPerRegion, byRegionMs, ...row }) => [
        engine,
        withPrimary.has(engine) ? (regions[0] ?? '') : '',
        `${contention * 100} %`,
        clientsPerRegion,
        ...byRegionMs.map((ms) => ms.toFixed(0)),
        row.meanMs.toFixed(0),
        Math.round(row.requestsPerSecond),
      ]),
      3,
    ),
  ].join('\n');
}
