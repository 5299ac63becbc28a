import type { RunContext } from '../benchmark.js';
import { makeRequests } from '../support/closed-loop.js';
import { describeMachine, type Machine } from '../support/machine.js';
import { type LiveContext, whileAlive } from '../support/while-alive.js';
import { primaryStatus } from '../transfer/coordinator-status.js';
import { type Figures, measure } from '../transfer/window.js';
import { Deployment } from './deployment.js';
import { openWays } from './open-ways.js';
import { type Round, type Summary, summaries } from './results.js';
import type { Settings } from './settings.js';
import type { Way, WayName } from './ways.js';

/** What `--json` prints. */
export interface Report {
  readonly ways: readonly Summary[];
  /** What was not measured, and why. */
  readonly missing: readonly string[];
  /** All transfers, those of the warm-up included; each was committed. */
  readonly transfers: Readonly<Partial<Record<WayName, number>>>;
  readonly moneyConserved: true;
  /** 0 unless the machine was too busy for the cluster's timeouts. */
  readonly viewChanges: number;
  readonly settings: Settings;
  readonly machine: Machine;
}

/** Few: processes that have just started are slow. */
const warmUpClients = 4;
const participants = 2;

/**
 * Starts one cluster with all participants, and loads one way after the other, round by round, so that whatever else the
 * machine does meets all alike. Throws `BenchmarkError` where a transfer does not commit or money is lost.
 */
export async function runKitBenchmark(settings: Settings, context: RunContext): Promise<Report> {
  const machine = describeMachine();
  const deployments: Deployment[] = [];
  let done = false;
  try {
    const report = await whileAlive(context, async (inner) => {
      inner.progress('starting all processes ...');
      const { onDied, signal, starting } = inner;
      const { clients } = settings;
      const deployment = await starting(Deployment.start({ clients, onDied, signal }));
      deployments.push(deployment);
      return { ...(await measureAll(deployment, settings, inner)), machine };
    });
    done = true;
    return report;
  } finally {
    const keepFiles = !done && !context.signal.aborted;
    for (const deployment of deployments) {
      const directory = await deployment.stop({ keepFiles });
      if (keepFiles) context.progress(`the logs are in ${directory}`);
    }
  }
}

async function measureAll(
  deployment: Deployment,
  settings: Settings,
  context: LiveContext,
): Promise<Omit<Report, 'machine'>> {
  const missing = deployment.database === undefined ? [noDatabase] : [];
  for (const line of missing) context.progress(line);
  const { ways, close } = await openWays(deployment, settings.clients);
  try {
    await warmUp(ways, settings, context);
    const rounds: Round[] = [];
    for (let round = 1; round <= settings.rounds; round += 1) {
      rounds.push(await measureRound(round, ways, settings, context));
    }
    for (const way of ways) await way.check();
    return {
      ways: summaries(rounds),
      missing,
      transfers: Object.fromEntries(ways.map(({ name, committed }) => [name, committed])),
      moneyConserved: true,
      viewChanges: (await primaryStatus(deployment.local.cluster)).view,
      settings,
    };
  } finally {
    await close();
  }
}

const noDatabase =
  'postgres is left out: no PostgreSQL server; install Debian’s postgresql, or set POSTGRES_BIN';

async function warmUp(
  ways: readonly Way[],
  { warmUp: count, clients }: Settings,
  { progress, signal }: LiveContext,
): Promise<void> {
  for (const way of ways) {
    progress(`warming up ${way.name} ...`);
    const load = { clients: Math.min(clients, warmUpClients), request: () => way.transfer() };
    await makeRequests(load, count, signal);
  }
}

async function measureRound(
  round: number,
  ways: readonly Way[],
  { rounds, clients, seconds }: Settings,
  context: LiveContext,
): Promise<Round> {
  const figuresOf = new Map<WayName, Figures>();
  for (const way of ways) {
    const figures = await measure(way, { clients, participants }, seconds * 1000, context);
    figuresOf.set(way.name, figures);
    context.progress(
      `round ${round}/${rounds}  ${way.name.padEnd(8)}  ` +
        `${figures.transfersPerSecond.toFixed(1)}/s  p50 ${figures.p50Ms.toFixed(0)} ms  ` +
        `${figures.cpuMsPerTransfer.toFixed(1)} ms of processor time a transfer`,
    );
  }
  return figuresOf;
}
