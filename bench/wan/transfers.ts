import {
  type Deployment,
  fourContinents,
  latencyOf,
  twoContinents,
} from '../simulated/deployments.js';
import { sevenRegions } from '../simulated/regions.js';
import { type TransferLatency, transferLatency } from '../simulated/transfer-latency.js';
import { textTable } from '../support/text-table.js';

/** A transfer's two agreements over four regions, the primary in the first, in three phases and in two steps. */
export interface TransferRow {
  readonly regions: readonly string[];
  readonly threePhases: TransferLatency;
  readonly twoSteps: TransferLatency;
  /** By how much both together are shorter in two steps, 0 to 1. */
  readonly less: number;
}

const coordinators = 4;
const deployments = [sevenRegions, fourContinents, twoContinents];

export function measureTransfers(): TransferRow[] {
  return deployments.map((deployment) => {
    const latency = latencyOf(deployment, [...Array(coordinators).keys()]);
    const threePhases = transferLatency('three-phase', latency);
    const twoSteps = transferLatency('two-step', latency);
    const less = 1 - sumOf(twoSteps) / sumOf(threePhases);
    return { regions: firstOf(deployment), threePhases, twoSteps, less };
  });
}

export function transfersText(rows: readonly TransferRow[]): string {
  return [
    'The two agreements of a transfer, ms, by the production coordinators, one in each region, the primary in the first',
    textTable(
      ['regions', 'agreement', 'activation', 'outcome', 'both', 'less'],
      rows.flatMap(({ regions, threePhases, twoSteps, less }) => [
        [regions.join(', '), 'three-phase', ...timesOf(threePhases), ''],
        ['', 'two-step', ...timesOf(twoSteps), `${(less * 100).toFixed(0)} %`],
      ]),
    ),
  ].join('\n');
}

function firstOf({ regions }: Deployment): string[] {
  return regions.slice(0, coordinators);
}

function timesOf(latency: TransferLatency): string[] {
  const { activationMs, outcomeMs } = latency;
  return [activationMs, outcomeMs, sumOf(latency)].map((ms) => ms.toFixed(0));
}

function sumOf({ activationMs, outcomeMs }: TransferLatency): number {
  return activationMs + outcomeMs;
}
