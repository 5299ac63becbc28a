import type { RunContext } from '../benchmark.js';
import { type EngineName, engineNames, withPrimary } from '../simulated/cluster.js';
import { measuredCosts } from '../simulated/costs.js';
import { fourContinents, latencyOf } from '../simulated/deployments.js';
import { findPeak } from '../simulated/peak.js';
import { patient } from '../simulated/point.js';
import { textTable } from '../support/text-table.js';

/** What one engine does at its best over ezBFT's four regions: its figure 6. */
export interface ThroughputRow {
  readonly engine: EngineName;
  readonly batches: BatchesName;
  /** Requests a second, with clients in the primary's region alone, and in all regions. */
  readonly fromOneRegion: number;
  readonly fromAllRegions: number;
}

type BatchesName = keyof typeof batchings;

/** A key of 8 bytes and a value of 16, as in the paper. */
const requestBytes = 24;
const batchings = {
  /** As in production; one request of the model stands for a bundle. */
  usual: { depth: 10, bundle: 64 },
  /** The paper batched nothing. As many under way as there are from one checkpoint to the next. */
  none: { depth: 64, bundle: 1, batchRequests: 1 },
} as const;
const regionOf = [...fourContinents.regions.keys()];

/** Each engine with its primary in the first region, with batches and without. */
export function measureThroughput({ progress, signal }: RunContext): ThroughputRow[] {
  return (['none', 'usual'] as const).flatMap((batches) =>
    engineNames.map((engine) => {
      signal.throwIfAborted();
      progress(`throughput over ${fourContinents.name}: ${engine}, batches: ${batches}`);
      const peak = (homes: readonly number[]) => {
        const load = { ...batchings[batches], requestBytes, clientsSign: false, homes };
        const latency = latencyOf(fourContinents, regionOf);
        const setting = { engine, n: regionOf.length, latency, costs: measuredCosts };
        return findPeak({ ...setting, ...load, ...patient }).requestsPerSecond;
      };
      return { engine, batches, fromOneRegion: peak([0]), fromAllRegions: peak(regionOf) };
    }),
  );
}

export function throughputText(rows: readonly ThroughputRow[]): string {
  const [first = ''] = fourContinents.regions;
  return [
    `${fourContinents.name}: peak throughput, requests/s, ${requestBytes} bytes, nothing meets (figure 6)`,
    textTable(
      ['engine', 'primary in', 'batches', `clients in ${first}`, 'in all regions', 'times'],
      rows.map(({ engine, batches, fromOneRegion, fromAllRegions }) => [
        engine,
        withPrimary.has(engine) ? first : '',
        batches,
        Math.round(fromOneRegion),
        Math.round(fromAllRegions),
        (fromAllRegions / fromOneRegion).toFixed(1),
      ]),
      3,
    ),
  ].join('\n');
}
