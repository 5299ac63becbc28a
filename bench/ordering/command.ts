import { type Command, Option } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { usageError } from '../../src/cli/exit.js';
import { printJson } from '../../src/cli/output.js';
import type { AddBenchmark, RunContext } from '../benchmark.js';
import type { EngineName } from '../simulated/cluster.js';
import { ratioOf } from '../simulated/compare.js';
import { describeMachine } from '../support/machine.js';
import { shortened } from '../support/statistics.js';
import { type BesideBefore, besideBefore, besideBeforeText } from './before.js';
import { gridKinds, peakLoads, usualKinds } from './loads.js';
import { otherContenders, ownContenders } from './processes/contenders.js';
import {
  figuresOf,
  measureProcesses,
  type ProcessResult,
  type ProcessResults,
} from './processes/run.js';
import { runSimulated, type SimulatedResults, usualPoints } from './simulated.js';
import { processesText, simulatedText } from './tables.js';

interface Options {
  readonly quick?: boolean;
  readonly grid?: boolean;
  readonly compare?: string;
  readonly only?: 'processes' | 'simulated';
  readonly seconds: number;
  readonly rounds: number;
  readonly json?: boolean;
}

const depth = 10;
const quickly = { seconds: 2, rounds: 1 };

const usualWindows = { warmUpSeconds: 3, settleMs: 500 };
/** So many windows have to be short. */
const gridWindows = { warmUpSeconds: 1, settleMs: 200 };

export const addOrdering: AddBenchmark = (program: Command, context) => {
  program
    .command('ordering')
    .description('the engines: four real processes, and simulated clusters of 4 to 56')
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
    .addOption(
      new Option(
        '--grid',
        'over real processes: 1, 400 and 6400 clients with 0, 500 and 1024 bytes, signed and not',
      ).conflicts('quick'),
    )
    .option(
      '--compare <dir>',
      'over real processes: the engines of another checkout that is built, too',
    )
    .option('--quick', 'fewer sizes and settings, one short round')
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
Over real processes each replica is an engine with the driver, the store and the TLS links that a
coordinator has. All engines run on this machine and are loaded in turn, by one more process with all
clients, each of which waits for an answer before it sends its next request. In the simulation time is
virtual and costs are those that "bench costs" measures; the engines are the same.

The whole takes about ten minutes, --quick one; --grid with --compare and windows of a second some fifteen. With --compare
the engines of the other checkout are measured in the same rounds, by its own replicas and clients. Replicas that execute different things make the exit
status 1.

Examples:
  npm run bench -- ordering --quick
  npm run bench -- ordering --only processes --seconds 10
  npm run bench -- ordering --only processes --grid --seconds 1 --compare ../before
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
  /** Where another checkout was measured, too. */
  readonly beside: readonly BesideBefore[];
  readonly simulated: SimulatedResults | undefined;
}

async function run(
  { only, quick = false, grid = false, compare, seconds, rounds }: Options,
  context: RunContext,
): Promise<Report> {
  if (only === 'simulated' && (grid || compare !== undefined)) {
    throw usageError('--grid and --compare are of real processes, not of --only simulated');
  }
  const machine = describeMachine();
  const others = compare === undefined ? [] : await otherContenders(compare);
  const contenders = [...ownContenders(), ...others];
  const around = grid ? gridWindows : usualWindows;
  const windows = { ...(quick ? quickly : { seconds, rounds }), ...around, depth };
  const processes: ProcessResults[] = [];
  if (only !== 'simulated') {
    for (const loads of quick ? [peakLoads] : grid ? gridKinds : usualKinds) {
      processes.push(await measureProcesses(contenders, { ...windows, loads }, context));
    }
  }
  const simulated = only === 'processes' ? undefined : runSimulated(quick, context);
  return { machine, processes, beside: besideBefore(contenders, processes), simulated };
}

function forJson({ machine, processes, beside, simulated }: Report) {
  return {
    ...(processes[0] && { processes: { 4: peakOfProcesses(processes[0].results) } }),
    ...(simulated && {
      simulated: Object.fromEntries(usualPoints(simulated).map((one) => [one.n, ratioOf(one)])),
      pipelining: simulated.pipelining,
      messageDelays: simulated.messageDelays,
    }),
    ...(processes.length > 0 && { processDetails: processes }),
    ...(beside.length > 0 && { besideBefore: beside }),
    ...(simulated && { simulatedDetails: simulated.points }),
    machine,
  };
}

function peakOfProcesses(results: readonly ProcessResult[]) {
  const ofPeak = results.filter(({ requestBytes, sign }) => requestBytes === 0 && !sign);
  const peak = (engine: EngineName) =>
    Math.max(...ofPeak.map((result) => figuresOf(result, engine).requestsPerSecond));
  const [antipaxos, fab, pbft] = [peak('antipaxos'), peak('fab'), peak('pbft')];
  return { antipaxos, ezbft: peak('ezbft'), fab, pbft, ratio: antipaxos / pbft };
}

function textOf({ machine, processes, beside, simulated }: Report): string {
  const { processor, cores, memoryGiB, system, node, loadBefore } = machine;
  return [
    ...processes.map(processesText),
    ...(beside.length > 0 ? [besideBeforeText(beside)] : []),
    ...(simulated ? [simulatedText(simulated)] : []),
    `${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}; load before: ${loadBefore}.`,
  ].join('\n');
}
