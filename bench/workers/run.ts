import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initCluster } from '../../src/cli/init.js';
import { claimPorts, localHost } from '../../src/cli/local/port-range.js';
import type { RunContext } from '../benchmark.js';
import { describeMachine, type Machine } from '../support/machine.js';
import { median } from '../support/statistics.js';
import { type Fed, type FeedKind, feedKinds } from './feed-kinds.js';
import { Feeder, type Setting } from './feeder.js';

export interface Settings {
  readonly rounds: number;
  /** Messages of one backlog. */
  readonly count: number;
  /** Worker threads that are tried, besides none. */
  readonly threads: readonly number[];
}

/** Medians, for one message, in microseconds. */
export interface Row extends Setting {
  readonly kind: FeedKind;
  readonly perSecond: number;
  /** Of this setting's rate to that of one processor without workers, round by round. */
  readonly ratio: number;
  /** Processor time of the main thread, and of all threads. */
  readonly mainUs: number;
  readonly allUs: number;
}

export interface Report {
  readonly rows: readonly Row[];
  readonly settings: Settings;
  readonly machine: Machine;
}

/** Backlogs before those that are measured: compilers have optimized. */
const warmUps = 4;

/** Feeds all settings in turn, round by round. */
export async function runWorkersBenchmark(
  settings: Settings,
  context: RunContext,
): Promise<Report> {
  const machine = describeMachine();
  const directory = await mkdtemp(join(tmpdir(), 'concordat-bench-workers-'));
  const { basePort, release } = await claimPorts();
  try {
    const layout = { kind: 'local', host: localHost, basePort } as const;
    await initCluster({ directory, clusterId: 'bench', f: 1, layout });
    const rows: Row[] = [];
    for (const kind of feedKinds)
      rows.push(...(await measureKind(kind, directory, settings, context)));
    return { rows, settings, machine };
  } finally {
    await release();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureKind(
  kind: FeedKind,
  directory: string,
  { rounds, count, threads }: Settings,
  { progress, signal }: RunContext,
): Promise<Row[]> {
  const tried: Setting[] = [
    { cores: 1, threads: 0 },
    { cores: 2, threads: 0 },
    ...threads.flatMap((each) => [1, 2].map((cores) => ({ cores, threads: each }))),
  ];
  const feeders: Feeder[] = [];
  try {
    for (const setting of tried) {
      signal.throwIfAborted();
      feeders.push(await Feeder.start({ directory, kind, count, ...setting }));
    }
    const fed = new Map<Feeder, Fed[]>(feeders.map((feeder) => [feeder, []]));
    for (let round = 1 - warmUps; round <= rounds; round += 1) {
      for (const feeder of feeders) {
        signal.throwIfAborted();
        const one = await feeder.feed();
        if (round > 0) fed.get(feeder)?.push(one);
      }
      progress(round > 0 ? `${kind}: round ${round}/${rounds}` : `${kind}: warming up`);
    }
    const [base = []] = fed.values();
    return [...fed].map(([{ setting }, runs]) => rowOf(kind, setting, runs, base, count));
  } finally {
    await Promise.all(feeders.map((feeder) => feeder.stop()));
  }
}

function rowOf(
  kind: FeedKind,
  setting: Setting,
  runs: readonly Fed[],
  base: readonly Fed[],
  count: number,
): Row {
  const us = (of: (fed: Fed) => number) => (median(runs.map(of)) * 1000) / count;
  return {
    kind,
    ...setting,
    perSecond: 1e6 / us(({ wallMs }) => wallMs),
    ratio: median(runs.map(({ wallMs }, round) => (base[round]?.wallMs ?? Number.NaN) / wallMs)),
    mainUs: us(({ mainMs }) => mainMs),
    allUs: us(({ allMs }) => allMs),
  };
}
