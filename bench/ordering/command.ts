import type { Command } from 'commander';
import { printJson } from '../../src/cli/output.js';
import type { AddBenchmark } from '../benchmark.js';
import { ratioOf } from '../simulated/compare.js';
import { shortened } from '../support/statistics.js';
import { runSimulated, type SimulatedResults, usualPoints } from './simulated.js';
import { simulatedText } from './tables.js';

interface Options {
  readonly quick?: boolean;
  readonly json?: boolean;
}

export const addOrdering: AddBenchmark = (program: Command, context) => {
  program
    .command('ordering')
    .description('Antipaxos against PBFT: simulated clusters of 4 to 56 replicas')
    .option('--quick', 'fewer sizes and settings')
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
In virtual time, with the costs that "bench costs" measures: the engines are the production ones. PBFT's
clients hand everything in at the primary. Some minutes of work, most of it for 56 replicas.

Examples:
  npm run bench -- ordering --quick
  npm run --silent bench -- ordering --json`,
    )
    .action(({ quick = false, json = false }: Options) => {
      const simulated = runSimulated(quick, context);
      if (json) printJson(shortened(forJson(simulated)));
      else console.log(simulatedText(simulated));
    });
};

function forJson(simulated: SimulatedResults) {
  const { pipelining, messageDelays, points } = simulated;
  return {
    simulated: Object.fromEntries(usualPoints(simulated).map((one) => [one.n, ratioOf(one)])),
    pipelining,
    messageDelays,
    points,
  };
}
