import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkAll, type Findings } from './check/all.js';
import type { Violation } from './check/audit.js';
import { Forgotten } from './cluster/forgotten.js';
import { allMembers } from './cluster/members.js';
import { World } from './cluster/world.js';
import { Nemesis } from './faults/nemesis.js';
import { type PlanOptions, planOf } from './faults/plan.js';
import { Silence } from './faults/silence.js';
import type { Tally } from './faults/tally.js';
import type { Load } from './load/load.js';
import type { SilentBankCounts } from './load/silent-bank.js';
import type { NetworkKind } from './network/network.js';

export interface Context {
  /** Aborted on Ctrl-C: no more faults then, but all checks. */
  readonly signal: AbortSignal;
  /** Tells people how far it is. */
  readonly progress: (line: string) => void;
}

export interface ChaosOptions extends PlanOptions {
  readonly clients: number;
  readonly network?: NetworkKind | undefined;
  /** Finished transactions that coordinators remember. */
  readonly retained: number;
}

export interface ChaosResult extends Findings {
  readonly seed: number;
  readonly network: NetworkKind;
  readonly tookMs: number;
  readonly tally: Tally;
  readonly transfers: Load['counts'];
  /** What honest clients got with a silent bank among the load and without, and what came of its transfers. */
  readonly silence: Pick<Silence, 'with' | 'without'> & { readonly transfers: SilentBankCounts };
  readonly retained: number;
  /** Transactions, by coordinator. */
  readonly forgotten: Forgotten['counts'];
  /** Where everything is, where something is wrong. */
  readonly directory: string | undefined;
}

/** Load before the first fault and after the last one. */
const calmMs = 2000;
const progressMs = 5000;
/** Half of them with a silent bank, where the faults take no longer than planned. */
const phases = 12;

/** Runs a cluster under load, does to it what the plan says, and checks what came of it. */
export async function runChaos(options: ChaosOptions, context: Context): Promise<ChaosResult> {
  const { seed, retained, durationMs } = options;
  const crashes: Violation[] = [];
  const crashed = new AbortController();
  let nemesis: Nemesis | undefined;
  const world = await World.start({
    ...options,
    settings: { retainedTransactions: retained },
    onDied: (node, how) => {
      // What a Byzantine node does to itself is its own affair.
      if (nemesis?.isByzantine(node)) return;
      crashes.push({ rule: 'crash', what: `${node} ${how}` });
      crashed.abort();
    },
  });
  const { directory, load, silentBankLoad } = world;
  const startMs = performance.now();
  const log = join(directory, 'chaos.log');
  const tell = (line: string) => {
    const text = `${((performance.now() - startMs) / 1000).toFixed(1).padStart(8)}  ${line}`;
    void appendFile(log, `${text}\n`);
  };
  const network = world.network.kind;
  context.progress(`chaos: seed ${seed}, network: ${network}, log: ${log}`);
  const signal = AbortSignal.any([context.signal, crashed.signal]);
  nemesis = new Nemesis({ ...world, tell, signal });
  const { tally } = nemesis;
  const forgotten = new Forgotten(world.nodes);
  const over = new AbortController();
  const silence = new Silence({
    ...world,
    phaseMs: durationMs / phases,
    tell,
    signal: AbortSignal.any([signal, over.signal]),
  });
  try {
    const broken = await breakIt(world, nemesis, options, context, { startMs, silence, over });
    context.progress('all healed; waiting until open work is finished');
    const findings = await checkAll(world, tell);
    const violations = [...crashes, ...broken, ...findings.violations, ...neverServedAgain(tally)];
    await writeAnswers(world);
    if (violations.length === 0) await world.removeFiles();
    const tookMs = performance.now() - startMs;
    const kept = violations.length === 0 ? undefined : directory;
    const transfers = load.counts;
    return {
      ...findings,
      seed,
      network,
      tookMs,
      tally,
      transfers,
      silence: { with: silence.with, without: silence.without, transfers: silentBankLoad.counts },
      retained,
      forgotten: forgotten.counts,
      violations,
      directory: kept,
    };
  } finally {
    forgotten.close();
    await world.stop();
  }
}

interface Course {
  readonly startMs: number;
  readonly silence: Silence;
  /** Ends the phases of the silence. */
  readonly over: AbortController;
}

/** Ends with all nodes well and the load off. Gives what went wrong with the faults themselves. */
async function breakIt(
  { load, nodes }: World,
  nemesis: Nemesis,
  plan: PlanOptions,
  { progress }: Context,
  { startMs, silence, over }: Course,
): Promise<Violation[]> {
  const { tally } = nemesis;
  const ticker = setInterval(() => {
    const { committed, aborted, unknown } = load.counts;
    progress(
      `${clock(performance.now() - startMs)}  kills ${tally.total('kill')}  ` +
        `partitions ${tally.total('partition')}  committed ${committed}  aborted ${aborted}  ` +
        `unknown ${unknown}  ${nemesis.now}`,
    );
  }, progressMs);
  load.start();
  await sleep(calmMs);
  const phasesOver = silence.run().then(() => [], wrongWith);
  const brought = await nemesis.run(planOf(plan));
  over.abort();
  const failures = [...brought, ...(await phasesOver)];
  clearInterval(ticker);
  await Promise.all(allMembers.map((name) => nodes.pid(name) ?? nodes.start(name)));
  await sleep(calmMs);
  await load.stop();
  return failures.map((what) => ({ rule: 'liveness', what }));
}

function wrongWith(error: unknown): readonly string[] {
  return [error instanceof Error ? error.message : String(error)];
}

function neverServedAgain({ outages }: Tally): Violation[] {
  return outages
    .filter(({ tookMs, obstructed }) => tookMs === undefined && !obstructed)
    .map(({ after }) => ({ rule: 'liveness', what: `nothing was committed after ${after}` }));
}

/** For whoever looks into a violation. */
async function writeAnswers({ directory, ledger }: World): Promise<void> {
  const lines = ledger.lines.map(({ page, index, answer }) =>
    JSON.stringify({ account: page.account, ...page.route, line: index, answer }),
  );
  await writeFile(join(directory, 'answers.jsonl'), `${lines.join('\n')}\n`);
}

export function clock(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
