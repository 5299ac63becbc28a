import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endText } from '../../src/cli/local/child-node.js';
import type { ClusterEvent } from '../../src/cli/local-cluster.js';
import { barrage } from './barrage.js';
import { honestClient, startVictim, type Victim } from './ground/victim.js';
import { httpAttacks } from './http/abuse.js';
import { SlowConnections } from './http/slow.js';
import { byzantineAttacks } from './peer/byzantine.js';
import { intruderAttacks } from './peer/intruders.js';
import { sessionAttacks } from './session/attacks.js';
import { sessionsWork } from './session/honest.js';
import { soapAttacks } from './soap/attacks.js';
import { Poster } from './soap/post.js';
import type { Range } from './soap/range.js';
import { Stock } from './soap/stock.js';
import { type KindSummary, Summary, type Violation } from './summary.js';
import { Canary } from './watch/canary.js';
import { type FloodReport, measureFlood } from './watch/crowd.js';
import type { Tally } from './watch/honest.js';
import { HonestClient } from './watch/honest-client.js';
import {
  alarmsIn,
  logBoundMiB,
  type NodeReport,
  NodeWatch,
  residentBoundMiB,
} from './watch/nodes.js';

export interface Settings {
  readonly inputs: number;
  readonly seed: number;
}

export interface RunContext {
  /** Aborted where the run shall end early. */
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

/** What `--json` prints. */
export interface Report {
  readonly seed: number;
  readonly inputs: number;
  readonly seconds: number;
  readonly crashes: number;
  readonly hangs: number;
  readonly violationCount: number;
  readonly violations: readonly Violation[];
  readonly kinds: readonly KindSummary[];
  readonly nodes: readonly NodeReport[];
  /** Of the honest client. */
  readonly honest: {
    readonly perSecondBefore: number;
    readonly perSecondDuring: number;
    /** During the attack, as a part of that before. */
    readonly ratio: number;
    readonly longestGapMs: number;
    readonly during: Tally;
  };
  /** Of the processors, in seconds of them a second of the attack. */
  readonly attackerProcessors: number;
  readonly flood: FloodReport;
  readonly canaryCalls: number;
}

const warmUpMs = 4000;
const baselineMs = 8000;
/** The honest client is served if it never waits so long for any of its transfers. */
const gapBoundMs = 30_000;
const progressMs = 5000;
/**
 * An attacker has a machine of its own; here it has those of the nodes. At this priority it takes what time
 * they and the honest client leave. Nobody but root gets it back, so it stays for the rest of the run.
 */
const attackerNiceness = 10;

/** Attacks a new cluster of real processes, and tells how it bore it. */
export async function fuzz(settings: Settings, context: RunContext): Promise<Report> {
  const directory = await mkdtemp(join(tmpdir(), 'concordat-fuzz-'));
  const deaths: ClusterEvent[] = [];
  context.progress('starting a cluster and recording its messages ...');
  const victim = await startVictim(directory, (event) => {
    if (event.kind !== 'died') return;
    deaths.push(event);
    context.progress(`${event.name} ${endText(event.end)} (see ${event.logFile})`);
  });
  let isSound = false;
  try {
    const report = await attackAll(victim, settings, context, deaths);
    isSound = report.crashes + report.hangs + report.violationCount === 0;
    if (!isSound) await writeFile(join(directory, 'report.json'), JSON.stringify(report, null, 2));
    return report;
  } finally {
    await victim.stop();
    if (isSound || context.signal.aborted) await rm(directory, { recursive: true, force: true });
    else context.progress(`logs, keys and report.json are in ${directory}`);
  }
}

async function attackAll(
  victim: Victim,
  settings: Settings,
  context: RunContext,
  deaths: readonly ClusterEvent[],
): Promise<Report> {
  const poster = new Poster();
  const canary = await Canary.start();
  const stock = new Stock(victim.recording.templates, victim.keys, poster);
  const range: Range = { victim, stock, canary, poster };
  const honest = await HonestClient.start(victim.local.nodeFile(honestClient));
  const summary = new Summary();
  try {
    const books = await honest.books();
    context.progress('measuring honest throughput ...');
    await honest.start();
    await sleep(warmUpMs);
    const perSecondBefore = await rate(honest, () => sleep(baselineMs));
    context.progress('measuring how long others wait while one client floods ...');
    const flood = await measureFlood(victim, context.progress);
    await stock.renew();
    const watch = new NodeWatch(victim.local);
    setPriority(attackerNiceness);
    const attacked = await underAttack(range, honest, summary, settings, context);
    context.progress('auditing ...');
    await honest.stop();
    const sessionFindings = await sessionsWork(victim);
    const nodes = await watch.stop();
    const wrongBooks = await honest.audit(books);
    for (const what of [...wrongBooks, ...sessionFindings, ...faultsOf(range, nodes)]) {
      summary.violate({ kind: 'the whole', stream: 0, what });
    }
    const dead = deaths.flatMap((event) => (event.kind === 'died' ? [event.name] : []));
    const isStarved = honest.longestGapMs > gapBoundMs;
    return {
      seed: settings.seed,
      inputs: summary.inputs,
      seconds: rounded(attacked.seconds),
      crashes: new Set([...watch.replaced, ...dead]).size,
      hangs: attacked.hangs + watch.hangs + (isStarved ? 1 : 0),
      violationCount: summary.violationCount,
      violations: summary.violations,
      kinds: summary.kinds,
      nodes,
      honest: {
        perSecondBefore: rounded(perSecondBefore),
        perSecondDuring: rounded(attacked.perSecond),
        ratio: hundredths(attacked.perSecond / perSecondBefore),
        longestGapMs: Math.round(honest.longestGapMs),
        during: attacked.tally,
      },
      attackerProcessors: hundredths(attacked.attackerProcessors),
      flood: { ...flood, ratio: hundredths(flood.ratio) },
      canaryCalls: canary.calls,
    };
  } finally {
    await honest.close();
    await poster.close();
    await canary.stop();
  }
}

interface Attacked {
  readonly seconds: number;
  readonly hangs: number;
  /** Honest transfers. */
  readonly perSecond: number;
  readonly tally: Tally;
  readonly attackerProcessors: number;
}

/** Sends all inputs. The honest figures are of the time in which they are sent. */
async function underAttack(
  range: Range,
  honest: HonestClient,
  summary: Summary,
  { seed, inputs }: Settings,
  { signal, progress }: RunContext,
): Promise<Attacked> {
  const slow = new SlowConnections();
  const slowly = slow.attack(range);
  const attacks = [
    ...soapAttacks(range),
    ...httpAttacks(range),
    slowly,
    ...intruderAttacks(range),
    ...byzantineAttacks(range),
    ...sessionAttacks(range),
  ];
  const betweenAttacks = () => range.stock.renew();
  const startedAt = performance.now();
  const usageBefore = process.cpuUsage();
  const before = honest.tally;
  const ticker = setInterval(() => {
    const done = difference(honest.tally, before).committed;
    const { inputs: sent, violationCount } = summary;
    progress(`${sent} of ${inputs} inputs, ${violationCount} violations, ${done} honest transfers`);
  }, progressMs);
  try {
    let hangs = 0;
    const perSecond = await rate(honest, async () => {
      hangs = await barrage({ attacks, seed, inputs, summary, signal, betweenAttacks });
    });
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(usageBefore);
    const attackerProcessors = (user + system) / 1e6 / seconds;
    const tally = difference(honest.tally, before);
    for (const shot of await slow.settle()) summary.add(slowly.kind, 0, shot);
    return { seconds, hangs, perSecond, tally, attackerProcessors };
  } finally {
    clearInterval(ticker);
  }
}

/** What is wrong with the cluster as a whole. */
function faultsOf({ victim, canary }: Range, nodes: readonly NodeReport[]): string[] {
  const called = canary.calls > 0 ? [`the canary was called ${canary.calls} times`] : [];
  const grown = nodes.flatMap(({ name, residentPeakMiB, logMiB }) => [
    ...(residentPeakMiB > residentBoundMiB
      ? [`${name} took ${residentPeakMiB} MiB of memory`]
      : []),
    ...(logMiB > logBoundMiB ? [`${name} wrote ${logMiB} MiB of log`] : []),
  ]);
  return [...called, ...grown, ...alarmsIn(victim.local.nodes)];
}

/** Honest transfers committed a second while the work goes on. */
async function rate(honest: HonestClient, work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  const { committed } = honest.tally;
  await work();
  return (honest.tally.committed - committed) / ((performance.now() - from) / 1000);
}

function difference(now: Tally, before: Tally): Tally {
  return {
    committed: now.committed - before.committed,
    aborted: now.aborted - before.aborted,
    unknown: now.unknown - before.unknown,
  };
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
