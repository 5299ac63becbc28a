import { type Command, Option } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { printJson } from '../../src/cli/output.js';
import type { EngineName } from '../../src/kernel/cluster.js';
import type { AddBenchmark, RunContext } from '../benchmark.js';
import { ratioOf } from '../simulated/compare.js';
import { describeMachine } from '../support/machine.js';
import { shortened } from '../support/statistics.js';
import type { LoadSettings } from './processes/control.js';
import { measureProcesses, type ProcessResult, type ProcessResults } from './processes/run.js';
import { runSimulated, type SimulatedResults, usualPoints } from './simulated.js';
import { processesText, simulatedText } from './tables.js';

interface Options {
  readonly quick?: boolean;
  readonly only?: 'processes' | 'simulated';
  readonly seconds: number;
  readonly rounds: number;
  readonly json?: boolean;
}

const depth = 10;
const quickly = { seconds: 2, rounds: 1 };

/** `processes` in the JSON is the best that each engine does under one of these. */
const peakLoads: readonly LoadSettings[] = [6400, 1600, 400].map((clients) => ({
  clients,
  requestBytes: 0,
  sign: false,
}));
/** As an owner signs a run of a session's operations, of at most 64. */
const bySession: LoadSettings = { clients: 1600, requestBytes: 32, sign: true, operations: 16 };
/** Loads of one kind share processes: what one kind leaves in memory and on disk does not slow the next. */
const kinds: readonly (readonly LoadSettings[])[] = [
  [...peakLoads, { clients: 1, requestBytes: 0, sign: false }],
  [500, 1024].map((requestBytes) => ({ clients: 6400, requestBytes, sign: false })),
  [
    ...[0, 500, 1024].map((requestBytes) => ({ clients: 1600, requestBytes, sign: true })),
    bySession,
  ],
];

export const addOrdering: AddBenchmark = (program: Command, context) => {
  program
    .command('ordering')
    .description('Antipaxos against PBFT: four real processes, and simulated clusters of 4 to 56')
    .addOption(
      new Option('--seconds <n>', 'length of each window over real processes')
        .argParser(wholeNumberArgument(1, 600))
        .default(4)
        .conflicts('quick'),
    )
    .addOption(
      new Option('--rounds <n>', 'windows of each kind; figures are medians')
        .argParser(wholeNumberArgument(1, 100))
        .default(3)
        .conflicts('quick'),
    )
    .addOption(new Option('--only <part>', 'one part').choices(['processes', 'simulated']))
    .option('--quick', 'fewer sizes and settings, one short round')
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
Over real processes each replica is an engine with the driver, the store and the TLS links that a
coordinator has. Both engines run on this machine and are loaded in turn, by one more process with all
clients, each of which waits for an answer before it sends its next request. In the simulation time is
virtual and costs are those that "bench costs" measures; the engines are the same.

The whole takes about ten minutes, --quick one. Replicas that execute different things make the exit
status 1.

Examples:
  npm run bench -- ordering --quick
  npm run bench -- ordering --only processes --seconds 10
  npm run --silent bench -- ordering --json > ordering.json`,
    )
    .action(async (options: Options) => {
      const report = await run(options, context);
      if (options.json) printJson(shortened(forJson(report)));
      else console.log(textOf(report));
    });
};

interface Report {
  readonly machine: ReturnType<typeof describeMachine>;
  /** Of each kind of load. */
  readonly processes: readonly ProcessResults[];
  readonly simulated: SimulatedResults | undefined;
}

async function run(
  { only, quick = false, seconds, rounds }: Options,
  context: RunContext,
): Promise<Report> {
  const machine = describeMachine();
  const windows = quick ? quickly : { seconds, rounds };
  const processes: ProcessResults[] = [];
  if (only !== 'simulated') {
    for (const loads of quick ? [peakLoads] : kinds) {
      processes.push(await measureProcesses({ ...windows, depth, loads }, context));
    }
  }
  const simulated = only === 'processes' ? undefined : runSimulated(quick, context);
  return { machine, processes, simulated };
}

function forJson({ machine, processes, simulated }: Report) {
  return {
    ...(processes[0] && { processes: { 4: peakOfProcesses(processes[0].results) } }),
    ...(simulated && {
      simulated: Object.fromEntries(usualPoints(simulated).map((one) => [one.n, ratioOf(one)])),
      pipelining: simulated.pipelining,
      messageDelays: simulated.messageDelays,
    }),
    ...(processes.length > 0 && { processDetails: processes }),
    ...(simulated && { simulatedDetails: simulated.points }),
    machine,
  };
}

function peakOfProcesses(results: readonly ProcessResult[]) {
  const ofPeak = results.filter(({ requestBytes, sign }) => requestBytes === 0 && !sign);
  const peak = (engine: EngineName) =>
    Math.max(...ofPeak.map(({ engines }) => engines[engine].requestsPerSecond));
  const [antipaxos, fab, pbft] = [peak('antipaxos'), peak('fab'), peak('pbft')];
  return { antipaxos, fab, pbft, ratio: antipaxos / pbft };
}

function textOf({ machine, processes, simulated }: Report): string {
  const { processor, cores, memoryGiB, system, node, loadBefore } = machine;
  return [
    ...processes.map(processesText),
    ...(simulated ? [simulatedText(simulated)] : []),
    `${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}; load before: ${loadBefore}.`,
  ].join('\n');
}
