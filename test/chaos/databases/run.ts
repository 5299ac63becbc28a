import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../simulation/engine/random.js';
import type { Violation } from '../check/audit.js';
import { type Context, clock } from '../run.js';
import { nodeNames, services } from './cast.js';
import { checkAll, type Findings } from './check.js';
import { type KillCounts, Killer } from './killer.js';
import { type KillOptions, killsOf } from './kills.js';
import type { OrderLoad } from './order-load.js';
import { System } from './system.js';

export interface DatabasesOptions extends KillOptions {
  /** Orders in flight at a time. */
  readonly clients: number;
}

export interface DatabasesResult extends Findings {
  readonly seed: number;
  readonly tookMs: number;
  /** Occasions of the plan. */
  readonly kills: number;
  readonly counts: KillCounts;
  readonly orders: OrderLoad['counts'];
  readonly reasons: OrderLoad['reasons'];
  /** Where everything is, where something is wrong. */
  readonly folders: readonly string[];
}

/** Load before the first kill and after the last one. */
const calmMs = 2000;
const progressMs = 5000;

/** Has orders made in two databases and two banks, kills what the plan says, and checks what came of it. */
export async function runDatabases(
  options: DatabasesOptions,
  context: Context,
): Promise<DatabasesResult> {
  const { seed } = options;
  const crashes: Violation[] = [];
  const crashed = new AbortController();
  const onDied = (node: string, how: string) => {
    crashes.push({ rule: 'crash', what: `${node} ${how}` });
    crashed.abort();
  };
  const system = await System.start({ ...options, onDied });
  const { directory, nodes, databases, load } = system;
  const startMs = performance.now();
  const log = join(directory, 'chaos.log');
  const tell = (line: string) => {
    const text = `${((performance.now() - startMs) / 1000).toFixed(1).padStart(8)}  ${line}`;
    void appendFile(log, `${text}\n`);
  };
  context.progress(`databases: seed ${seed}, log: ${log}`);
  for (const service of services) tell(`${service}: ${system.database(service).folder}`);
  const signal = AbortSignal.any([context.signal, crashed.signal]);
  const random = new Random(`processes ${seed}`);
  const pick = (pids: readonly number[]) => random.pick(pids);
  const committed = () => load.counts.committed;
  const killer = new Killer({ nodes, databases, pick, committed, tell, signal });
  let isClean = false;
  try {
    const failures = await killAll(system, killer, options, context);
    context.progress('all is up; waiting until open work is finished');
    const findings = await checkAll(system, tell);
    const violations = [...crashes, ...failures, ...findings.violations];
    await writeAnswers(system);
    const { counts, occasions: kills } = killer;
    isClean = violations.length === 0;
    const folders = isClean ? [] : system.folders;
    const tookMs = performance.now() - startMs;
    const { counts: orders, reasons } = load;
    const result = { ...findings, seed, tookMs, kills, counts, orders, reasons };
    return { ...result, violations, folders };
  } finally {
    await system.stop();
    if (isClean) await system.removeFiles();
  }
}

/** Ends with all up and the load off. Gives what did not come up again. */
async function killAll(
  { load, nodes }: System,
  killer: Killer,
  plan: KillOptions,
  { progress }: Context,
): Promise<Violation[]> {
  const startMs = performance.now();
  const ticker = setInterval(() => {
    const { committed, aborted, unknown } = load.counts;
    progress(
      `${clock(performance.now() - startMs)}  kills ${killer.occasions}  committed ${committed}  ` +
        `aborted ${aborted}  unknown ${unknown}  down: ${killer.now || 'none'}`,
    );
  }, progressMs);
  load.start();
  await sleep(calmMs);
  const failures = await killer.run(killsOf(plan));
  await Promise.all(nodeNames.map((name) => nodes.pid(name) ?? nodes.start(name)));
  await sleep(calmMs);
  await load.stop();
  clearInterval(ticker);
  return failures.map((what) => ({ rule: 'liveness', what }));
}

/** For whoever looks into a violation. */
async function writeAnswers({ directory, load }: System): Promise<void> {
  const lines = load.orders.map(({ line, ...order }) =>
    JSON.stringify({ ...order, answer: line.answer }),
  );
  await writeFile(join(directory, 'answers.jsonl'), `${lines.join('\n')}\n`);
}
