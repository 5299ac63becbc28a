import type { RunContext } from '../benchmark.js';
import { makeRequests } from '../support/closed-loop.js';
import { describeMachine, type Machine } from '../support/machine.js';
import { median } from '../support/statistics.js';
import { textTable } from '../support/text-table.js';
import { whileAlive } from '../support/while-alive.js';
import { fewTransfersWarning, Results, type Summary } from './results.js';
import type { System } from './system.js';
import { otherVariants, ownVariants, type Variant } from './variants.js';
import { measure } from './window.js';

export interface CompareSettings {
  readonly seconds: number;
  readonly rounds: number;
  readonly clients: readonly number[];
  /** Directories of other checkouts. */
  readonly compare: readonly string[];
  /** Transfers of each system before anything is measured. */
  readonly warmUp: number;
}

/** One system at one number of clients. */
export interface ComparedPoint extends Summary {
  readonly system: string;
  /** To the first of the other checkouts, or to `bft soap`: medians of the ratios of each round. */
  readonly ratios: {
    readonly transfersPerSecond: number;
    readonly cpuMsPerTransfer: number;
  };
}

export interface CompareReport {
  readonly base: string;
  readonly points: readonly ComparedPoint[];
  readonly settings: CompareSettings;
  readonly machine: Machine;
}

const participants = 2;
const warmUpClients = 4;
/** The base where there is no other checkout. */
const ownBase = 'bft soap';

/**
 * Measures this checkout's systems, with each binding, and those of others in turn, window by window. Throws
 * `BenchmarkError` where a transfer does not commit or money is lost.
 */
export async function runComparison(
  settings: CompareSettings,
  context: RunContext,
): Promise<CompareReport> {
  const machine = describeMachine();
  const others = await otherVariants(settings.compare);
  const variants = [...others, ...ownVariants()];
  const systems = new Map<string, System>();
  try {
    return await whileAlive(context, async ({ onDied, starting, ...inner }) => {
      const lanes = Math.max(warmUpClients, ...settings.clients);
      for (const { name, start } of variants) {
        inner.progress(`starting ${name} ...`);
        const { signal } = inner;
        const system = await starting(start({ banks: participants, lanes, onDied, signal }));
        systems.set(settings.compare.includes(name) ? withBinding(name, system) : name, system);
        inner.progress(`warming up ${name} ...`);
        const request = () => system.transfer(participants);
        await makeRequests({ clients: warmUpClients, request }, settings.warmUp, inner.signal);
      }
      const [firstOther] = systems.keys();
      const base = others.length > 0 && firstOther !== undefined ? firstOther : ownBase;
      const points = await measureAll([...systems], base, settings, inner);
      for (const system of systems.values()) await system.checkMoney();
      return { base, points, settings, machine };
    });
  } finally {
    await Promise.all([...systems.values()].map((system) => system.stop({ keepFiles: false })));
  }
}

/** Another checkout runs with its default; one from before there were bindings sends signed SOAP. */
function withBinding(name: string, { cluster }: System): string {
  return `${name} (${cluster.binding ?? 'soap'})`;
}

async function measureAll(
  systems: readonly (readonly [Variant['name'], System])[],
  base: string,
  settings: CompareSettings,
  { signal, progress }: RunContext,
): Promise<ComparedPoint[]> {
  const results = new Results<string>();
  const names = systems.map(([name]) => name);
  for (let round = 1; round <= settings.rounds; round += 1) {
    for (const clients of settings.clients) {
      const point = { clients, participants };
      // Who is first changes, in case it matters.
      for (const [name, system] of round % 2 === 1 ? systems : systems.toReversed()) {
        const figures = await measure(system, point, settings.seconds * 1000, { signal });
        results.add(name, point, figures);
        progress(
          `round ${round}/${settings.rounds}  ${String(clients).padStart(2)} clients  ${name}  ` +
            `${figures.transfersPerSecond.toFixed(1)}/s  p50 ${figures.p50Ms.toFixed(0)} ms  ` +
            `${figures.cpuMsPerTransfer.toFixed(1)} ms of processor time a transfer`,
        );
      }
    }
  }
  return settings.clients.flatMap((clients) => {
    const point = { clients, participants };
    return names.map((system) => ({
      system,
      ...results.summary(system, point),
      ratios: {
        transfersPerSecond: ratio(results, point, system, base, 'transfersPerSecond'),
        cpuMsPerTransfer: ratio(results, point, system, base, 'cpuMsPerTransfer'),
      },
    }));
  });
}

function ratio(
  results: Results<string>,
  point: { readonly clients: number; readonly participants: number },
  system: string,
  base: string,
  figure: 'transfersPerSecond' | 'cpuMsPerTransfer',
): number {
  const [own, other] = [results.windows(system, point), results.windows(base, point)];
  return median(
    own.map((window, round) => window[figure] / (other[round]?.[figure] ?? Number.NaN)),
  );
}

/** The report for people. */
export function comparisonText({ base, points, settings, machine }: CompareReport): string {
  const rows = points.map((point) => [
    point.clients,
    point.system,
    point.transfersPerWindow,
    point.transfersPerSecond.toFixed(1),
    point.ratios.transfersPerSecond.toFixed(2),
    point.p50Ms.toFixed(0),
    point.cpuMsPerTransfer.toFixed(1),
    point.ratios.cpuMsPerTransfer.toFixed(2),
    `${point.busiestProcessCpuMsPerTransfer.toFixed(1)} ${point.busiestProcess}`,
  ]);
  const head = [
    'clients',
    'system',
    'in a window',
    'transfers/s',
    'ratio',
    'p50 ms',
    'nodes CPU ms',
    'ratio',
  ];
  return [
    `Two participants; ratios to ${base}, medians of those of each round`,
    textTable([...head, 'busiest CPU ms'], rows),
    ...fewTransfersWarning(points),
    `Medians of ${settings.rounds} rounds, windows of ${settings.seconds} s, after ${settings.warmUp} transfers of each; ` +
      'all committed, money conserved.',
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, ` +
      `Node ${machine.node}; load before: ${machine.loadBefore}.`,
  ].join('\n');
}
