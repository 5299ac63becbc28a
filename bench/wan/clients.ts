import type { RunContext } from '../benchmark.js';
import { type EngineName, engineNames, withPrimary } from '../simulated/cluster.js';
import { measuredCosts } from '../simulated/costs.js';
import {
  type Deployment,
  fourContinents,
  roundTripMs,
  twoContinents,
} from '../simulated/deployments.js';
import { type RegionLatencies, regionLatencies } from '../simulated/region-clients.js';
import { textTable } from '../support/text-table.js';

/** ezBFT's §V.A. */
const contentions = [0, 0.02, 0.5, 1];

/** What the clients of each region wait for, with one engine. */
export interface ClientsRow extends RegionLatencies {
  readonly engine: EngineName;
  /** Where the primary is, for an engine that has one. */
  readonly primary: string | null;
  /** Of so many requests in one, one meets those of other clients. */
  readonly contention: number;
}

export interface ClientsResult {
  readonly deployment: Deployment;
  readonly rows: readonly ClientsRow[];
}

/** Each engine over the regions of ezBFT's experiments, with a primary in each of them in turn. */
export function measureClients({ progress, signal }: RunContext): ClientsResult[] {
  return [fourContinents, twoContinents].map((deployment) => {
    progress(`clients of ${deployment.regions.join(', ')}`);
    const rows = engineNames.flatMap((engine) => {
      return variantsOf(engine, deployment).map(({ primary, contention }): ClientsRow => {
        signal.throwIfAborted();
        const settings = { engine, deployment, primary, contention, costs: measuredCosts };
        const region = deployment.regions[primary] ?? '';
        return {
          engine,
          primary: withPrimary.has(engine) ? region : null,
          contention,
          ...regionLatencies(settings),
        };
      });
    });
    return { deployment, rows };
  });
}

/** The primary in each region in turn; or, where the order of what commutes is left open, more and more that does not. */
function variantsOf(engine: EngineName, { regions }: Deployment) {
  if (engine === 'ezbft') return contentions.map((contention) => ({ primary: 0, contention }));
  const primaries = withPrimary.has(engine) ? [...regions.keys()] : [0];
  return primaries.map((primary) => ({ primary, contention: 0 }));
}

/** One table for each deployment. */
export function clientsText(results: readonly ClientsResult[]): string {
  return results
    .map(({ deployment, rows }) =>
      [
        `${deployment.name}: mean latency of each region's client, ms (round trips ${roundTripsText(deployment)})`,
        textTable(
          ['engine', 'primary in', 'contention', ...deployment.regions, 'mean'],
          rows.map(({ engine, primary, contention, byRegionMs, meanMs }) => [
            engine,
            primary ?? '',
            `${contention * 100} %`,
            ...byRegionMs.map((ms) => ms.toFixed(0)),
            meanMs.toFixed(0),
          ]),
          3,
        ),
      ].join('\n'),
    )
    .join('\n');
}

function roundTripsText(deployment: Deployment): string {
  const { regions } = deployment;
  return regions
    .flatMap((one, a) =>
      regions.slice(0, a).map((other, b) => `${other}–${one} ${roundTripMs(deployment, a, b)}`),
    )
    .join(', ');
}
