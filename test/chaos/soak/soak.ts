import { setTimeout as sleep } from 'node:timers/promises';
import { table } from '../../../src/cli/output.js';
import type { Violation } from '../check/audit.js';
import { auditRunning, settle } from '../check/settle.js';
import { dataIn } from '../cluster/files.js';
import { allMembers } from '../cluster/members.js';
import { World } from '../cluster/world.js';
import { type Context, clock } from '../run.js';
import { bytesIn, residentBytes, type Sample } from './sampling.js';
import { type Point, sparkline, type Trend, trendOf } from './trend.js';

export interface SoakOptions {
  readonly durationMs: number;
  readonly seed: number;
  readonly clients: number;
}

export interface Course {
  readonly node: string;
  readonly what: 'memory' | 'disk';
  readonly points: readonly Point[];
  readonly trend: Trend;
}

export interface SoakResult {
  readonly tookMs: number;
  readonly warmUpMs: number;
  readonly committed: number;
  readonly courses: readonly Course[];
  readonly violations: readonly Violation[];
}

/** Few, so that all memories are full before the warm-up is over. */
const retainedTransactions = 1000;
const samplesWanted = 360;
const leastSampleMs = 500;
/** What comes before is warming up: heaps and caches fill. */
const warmUpShare = 1 / 3;
/** LevelDB writes a log of 4 MB before it sorts it into a table: a store of any size saws by that. */
const slack: Record<Course['what'], number> = { memory: 0, disk: 2 * 4 * 2 ** 20 };
const chartWidth = 32;
const progressMs = 10_000;

/** Loads a cluster without any fault, and watches the memory and the disk of every node. */
export async function runSoak(
  { durationMs, seed, clients }: SoakOptions,
  { signal, progress }: Context,
): Promise<SoakResult> {
  const died: Violation[] = [];
  const world = await World.start({
    seed,
    clients,
    durationMs,
    network: 'proxy',
    settings: { retainedTransactions },
    onDied: (node, how) => died.push({ rule: 'crash', what: `${node} ${how}` }),
  });
  const { nodes, load, directory, ledger } = world;
  try {
    load.start();
    const samples = new Map<string, Sample[]>(allMembers.map((node) => [node, []]));
    const startMs = performance.now();
    const everyMs = Math.max(leastSampleMs, durationMs / samplesWanted);
    let toldMs = startMs;
    while (performance.now() - startMs < durationMs && died.length === 0 && !signal.aborted) {
      await sleep(everyMs);
      const atMs = performance.now() - startMs;
      for (const [node, taken] of samples) {
        const pid = nodes.pid(node);
        if (pid === undefined) continue;
        const diskBytes = bytesIn(dataIn(directory, node));
        taken.push({ atMs, rssBytes: residentBytes(pid), diskBytes });
      }
      if (performance.now() - toldMs < progressMs) continue;
      toldMs = performance.now();
      progress(`${clock(atMs)}  committed ${load.counts.committed}`);
    }
    const tookMs = performance.now() - startMs;
    await load.stop();
    const auditNow = () => auditRunning(nodes, directory, ledger);
    const { violations } = await settle(nodes, auditNow, () => {});
    const warmUpMs = tookMs * warmUpShare;
    return {
      tookMs,
      warmUpMs,
      committed: load.counts.committed,
      courses: [...samples].flatMap(([node, taken]) => coursesOf(node, taken, warmUpMs)),
      violations: [...died, ...violations],
    };
  } finally {
    await world.stop();
    await world.removeFiles();
  }
}

function coursesOf(node: string, samples: readonly Sample[], warmUpMs: number): Course[] {
  return (['memory', 'disk'] as const).map((what) => {
    const points = samples
      .filter(({ atMs }) => atMs >= warmUpMs)
      .map(({ atMs, rssBytes, diskBytes }) => ({
        atMs,
        value: what === 'memory' ? rssBytes : diskBytes,
      }));
    return { node, what, points, trend: trendOf(points, slack[what]) };
  });
}

export function isFlat({ courses }: SoakResult): boolean {
  return courses.every(({ trend }) => trend.flat);
}

export function soakText(result: SoakResult): string {
  const { courses, tookMs, warmUpMs, committed, violations } = result;
  const rows = (what: Course['what']) =>
    courses
      .filter((course) => course.what === what)
      .map(({ node, points, trend }) => [
        node,
        megabytes(trend.first),
        megabytes(trend.last),
        `${trend.perHour < 0 ? '' : '+'}${megabytes(trend.perHour)}`,
        trend.flat ? 'flat' : 'GROWS',
        sparkline(points, chartWidth),
      ]);
  const headings = (what: string) => [what, 'FIRST MB', 'LAST MB', 'MB/HOUR', '', 'AFTER WARM-UP'];
  const growing = courses.filter(({ trend }) => !trend.flat).length;
  return [
    table(headings('MEMORY (RSS)'), rows('memory')),
    '',
    table(headings('DISK'), rows('disk')),
    '',
    `${committed} transfers committed in ${clock(tookMs)} min; ` +
      `the first ${clock(warmUpMs)} min are warm-up and left out; ` +
      `coordinators remember ${retainedTransactions} finished transactions`,
    ...violations.map(({ rule, what }) => `VIOLATION of ${rule}: ${what}`),
    `soak: ${courses.length - growing} of ${courses.length} courses flat, ` +
      `${violations.length} violations`,
  ].join('\n');
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
