import type { Binding } from '../../src/kernel/cluster.js';
import type { RunContext } from '../benchmark.js';
import { makeRequests } from '../support/closed-loop.js';
import { describeMachine, type Machine } from '../support/machine.js';
import { whileAlive } from '../support/while-alive.js';
import { primaryStatus } from './coordinator-status.js';
import { best, type Comparison, compare, Results, type Summary } from './results.js';
import { System, type SystemName, systemNames } from './system.js';
import { measure, type Point } from './window.js';

export interface Settings {
  /** Length of a window. */
  readonly seconds: number;
  readonly rounds: number;
  /** Numbers of concurrent clients, with two participants. */
  readonly clients: readonly number[];
  /** Numbers of participants, with one client. */
  readonly participants: readonly number[];
  /** How the nodes of both systems send messages to each other. */
  readonly binding: Binding;
}

/** What `--json` prints. The first two are at the best number of clients of each. */
export interface Report {
  readonly bft: Summary;
  readonly unreplicated: Summary;
  readonly byClients: readonly Comparison[];
  readonly byParticipants: readonly Comparison[];
  readonly transfers: Readonly<Record<SystemName, number>>;
  readonly moneyConserved: true;
  /** View changes of the replicated cluster; 0 unless the machine was too busy for its timeouts. */
  readonly viewChanges: number;
  readonly settings: Settings;
  readonly machine: Machine;
}

/** Participants where the number of clients varies; clients where the number of participants does. */
const usualParticipants = 2;
const fewestClients = 1;
/** What is measured comes after this: compilers have optimized, connections are open. */
const warmUpTransfers = 400;
const warmUpTransfersWithMost = 50;
/** Few: processes that have just started are slow. */
const warmUpClients = 4;

/**
 * Starts both systems and measures them in turn, round by round, so that whatever else the machine
 * does meets both alike. Throws `BenchmarkError` where a transfer does not commit or money is lost.
 */
export async function runTransferBenchmark(
  settings: Settings,
  context: RunContext,
): Promise<Report> {
  const machine = describeMachine();
  const systems: System[] = [];
  let done = false;
  try {
    const report = await whileAlive(context, async ({ onDied, starting, ...inner }) => {
      for (const name of systemNames) {
        inner.progress(`starting ${name} ...`);
        const { signal } = inner;
        const options = { name, ...sizeOf(settings), binding: settings.binding, onDied, signal };
        systems.push(await starting(System.start(options)));
      }
      return { ...(await measureAll(systems, settings, inner)), machine };
    });
    done = true;
    return report;
  } finally {
    const keepFiles = !done && !context.signal.aborted;
    const directories = await Promise.all(systems.map((system) => system.stop({ keepFiles })));
    if (keepFiles) context.progress(`the nodes' logs are in ${directories.join(' and ')}`);
  }
}

async function measureAll(
  systems: readonly System[],
  settings: Settings,
  context: RunContext,
): Promise<Omit<Report, 'machine'>> {
  const { signal, progress } = context;
  const results = new Results<SystemName>();
  const byClients = settings.clients.map((clients) => ({
    clients,
    participants: usualParticipants,
  }));
  const byParticipants = settings.participants.map((participants) => ({
    clients: fewestClients,
    participants,
  }));
  const most = Math.max(usualParticipants, ...settings.participants);
  for (const system of systems) {
    progress(`warming up ${system.name} ...`);
    await makeTransfers(system, warmUpTransfersWithMost, most, signal);
    await makeTransfers(system, warmUpTransfers, usualParticipants, signal);
  }
  for (let round = 1; round <= settings.rounds; round += 1) {
    for (const point of distinct([...byParticipants, ...byClients])) {
      // Who is first changes, in case it matters.
      for (const system of round % 2 === 1 ? systems : systems.toReversed()) {
        const figures = await measure(system, point, settings.seconds * 1000, context);
        results.add(system.name, point, figures);
        progress(
          `round ${round}/${settings.rounds}  ${point.participants} participants  ` +
            `${String(point.clients).padStart(2)} clients  ${system.name.padEnd(12)}  ` +
            `${figures.transfersPerSecond.toFixed(1)}/s  p50 ${figures.p50Ms.toFixed(0)} ms  ` +
            `${figures.cpuMsPerTransfer.toFixed(1)} ms of processor time a transfer`,
        );
      }
    }
  }
  for (const system of systems) await system.checkMoney();
  const comparisons = byClients.map((point) => compare(results, point));
  return {
    ...best(comparisons),
    byClients: comparisons,
    byParticipants: byParticipants.map((point) => compare(results, point)),
    transfers: countsOf(systems),
    moneyConserved: true,
    viewChanges: await viewOf(systems, 'bft'),
    settings,
  };
}

function makeTransfers(
  system: System,
  count: number,
  participants: number,
  signal: AbortSignal,
): Promise<void> {
  const request = () => system.transfer(participants);
  return makeRequests({ clients: warmUpClients, request }, count, signal);
}

function sizeOf({ clients, participants }: Settings) {
  return {
    banks: Math.max(usualParticipants, ...participants),
    lanes: Math.max(warmUpClients, ...clients),
  };
}

/** Each once: one client and two participants are asked for twice. */
function distinct(points: readonly Point[]): Point[] {
  return [...new Map(points.map((point) => [JSON.stringify(point), point])).values()];
}

function countsOf(systems: readonly System[]): Record<SystemName, number> {
  const count = (name: SystemName) =>
    systems.find((system) => system.name === name)?.committed ?? 0;
  return { bft: count('bft'), unreplicated: count('unreplicated') };
}

async function viewOf(systems: readonly System[], name: SystemName): Promise<number> {
  const system = systems.find((each) => each.name === name);
  return system === undefined ? 0 : (await primaryStatus(system.cluster)).view;
}
