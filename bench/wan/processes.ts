import { setTimeout as sleep } from 'node:timers/promises';
import { BenchmarkError, type RunContext } from '../benchmark.js';
import { Geography } from '../ordering/processes/geography.js';
import { Group } from '../ordering/processes/group.js';
import { type EngineName, engineNames, withPrimary } from '../simulated/cluster.js';
import { measuredCosts } from '../simulated/costs.js';
import { type Deployment, fourContinents } from '../simulated/deployments.js';
import { type RegionLatencies, regionLatencies } from '../simulated/region-clients.js';
import { sevenRegions } from '../simulated/regions.js';
import { mean } from '../support/statistics.js';
import { whileAlive } from '../support/while-alive.js';

/** One engine over the regions of a deployment, in both ways. */
export interface RealRow extends Variant {
  readonly engine: EngineName;
  /** In virtual time, and over processes on this machine with a proxy between them. */
  readonly model: RegionLatencies;
  readonly processes: RegionLatencies;
}

export interface RealResult {
  readonly deployment: Deployment;
  readonly rows: readonly RealRow[];
  /** Slow cycles, views after the first, and instances that ezBFT had to settle. */
  readonly troubles: readonly { readonly engine: EngineName; readonly troubles: number }[];
}

export interface RealSettings {
  readonly seconds: number;
  /** Fewer rows. */
  readonly quick: boolean;
}

interface Variant {
  /** The region of the primary; that of the first replica where there is none. */
  readonly primary: number;
  readonly contention: number;
  readonly clientsPerRegion: number;
  readonly depth: number;
}

interface Plan {
  readonly deployment: Deployment;
  readonly variantsOf: (engine: EngineName) => readonly Variant[];
}

const requestBytes = 500;
const usual: Variant = { primary: 0, contention: 0, clientsPerRegion: 1, depth: 10 };
/** With so many in each region, what goes into one batch or cycle counts. */
const manyClients = 100;
/** Until estimates and batches have settled. */
const warmUpMs = 3000;
/** A window is so many times as long at the most, where a region has had no answer. */
const lengthMax = 15;

/** ezBFT's experiment 1, with FaB's and PBFT's primary in each region; and Antipaxos' seven regions, alone and under load. */
function plansOf(quick: boolean): readonly Plan[] {
  return [
    {
      deployment: fourContinents,
      variantsOf: (engine) => {
        if (engine === 'ezbft') return [usual, { ...usual, contention: 1 }];
        if (quick || !withPrimary.has(engine)) return [usual];
        return fourContinents.regions.map((_, primary) => ({ ...usual, primary }));
      },
    },
    {
      deployment: sevenRegions,
      variantsOf: (engine) => {
        const loaded = { ...usual, clientsPerRegion: manyClients };
        if (quick) return [usual];
        return engine === 'antipaxos' ? [usual, loaded, { ...loaded, depth: 1 }] : [usual, loaded];
      },
    },
  ];
}

/**
 * Each engine over real processes on this machine, with a proxy that delays each way between two regions, and in
 * virtual time beside. Throws `BenchmarkError` where replicas have executed different things.
 */
export async function measureReal(
  { seconds, quick }: RealSettings,
  context: RunContext,
): Promise<RealResult[]> {
  const results: RealResult[] = [];
  for (const { deployment, variantsOf } of plansOf(quick)) {
    const rows: RealRow[] = [];
    const troubles: RealResult['troubles'][number][] = [];
    for (const engine of engineNames) {
      const variants = variantsOf(engine);
      for (const depth of new Set(variants.map((variant) => variant.depth))) {
        const same = variants.filter((variant) => variant.depth === depth);
        const measured = await measureGroup({ engine, deployment, depth }, same, seconds, context);
        rows.push(...measured.rows);
        troubles.push({ engine, troubles: measured.troubles });
      }
    }
    results.push({ deployment, rows, troubles });
  }
  return results;
}

interface GroupPlan {
  readonly engine: EngineName;
  readonly deployment: Deployment;
  readonly depth: number;
}

/** What one cluster's processes can be measured with. */
async function measureGroup(
  { engine, deployment, depth }: GroupPlan,
  variants: readonly Variant[],
  seconds: number,
  context: RunContext,
): Promise<{ readonly rows: RealRow[]; readonly troubles: number }> {
  const geography = await Geography.open(deployment);
  let group: Group | undefined;
  try {
    return await whileAlive(context, async ({ onDied, starting, signal, progress }) => {
      const faults = Math.floor((deployment.regions.length - 1) / 3);
      const settings = { depth, faults, geography, early: engine === 'ezbft' };
      progress(`starting ${deployment.regions.length} replicas with ${engine} ...`);
      const started = await starting(Group.start(engine, settings, onDied));
      group = started;
      const rows: RealRow[] = [];
      for (const variant of variants) {
        const model = regionLatencies({ engine, deployment, costs: measuredCosts, ...variant });
        const processes = await measureVariant(started, geography, variant, seconds, signal);
        rows.push({ engine, ...variant, model, processes });
        progress(
          `${deployment.name}  ${engine}  ${variant.clientsPerRegion} a region  primary ${variant.primary}  ` +
            `contention ${variant.contention}: ${processes.meanMs.toFixed(0)} ms, in the model ${model.meanMs.toFixed(0)}`,
        );
      }
      return { rows, troubles: (await started.agreedState()).troubles };
    });
  } finally {
    await group?.stop();
    await geography.close();
  }
}

async function measureVariant(
  group: Group,
  geography: Geography,
  { primary, contention, clientsPerRegion }: Variant,
  seconds: number,
  signal: AbortSignal,
): Promise<RegionLatencies> {
  const { regions } = geography.deployment;
  geography.layOut(primary);
  await group.load({
    clients: clientsPerRegion * regions.length,
    requestBytes,
    sign: false,
    contention,
    homes: geography.homes(primary),
  });
  await sleep(warmUpMs, undefined, { signal });
  await group.begin();
  for (let length = 1; length <= lengthMax; length += 1) {
    await sleep(seconds * 1000, undefined, { signal });
    const { latenciesMs, clients } = await group.timeline();
    const byRegionMs = regions.map((_, region) =>
      mean(latenciesMs.filter((__, index) => (clients[index] ?? 0) % regions.length === region)),
    );
    const requestsPerSecond = latenciesMs.length / (seconds * length);
    // Not a number where a region has had no answer yet.
    if (byRegionMs.some(Number.isNaN)) continue;
    await group.quiet();
    return { byRegionMs, meanMs: mean(byRegionMs), requestsPerSecond };
  }
  throw new BenchmarkError(
    `${group.engine}: a region had no answer within ${seconds * lengthMax} s`,
  );
}
