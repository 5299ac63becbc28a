import type { Command } from 'commander';
import { printJson } from '../../src/cli/output.js';
import type { AddBenchmark } from '../benchmark.js';
import { type Costs, costSources, measuredCosts } from '../simulated/costs.js';
import { describeMachine } from '../support/machine.js';
import { shortened } from '../support/statistics.js';
import { textTable } from '../support/text-table.js';
import { measureCosts } from './measure.js';

interface Options {
  readonly json?: boolean;
}

export const addCosts: AddBenchmark = (program: Command, context) => {
  program
    .command('costs')
    .description("what the simulated clusters' costs are on this machine")
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
Processor time of this machine for what "ordering", "wan" and "failure" charge in virtual time, next to the
figures that they charge. Half a minute of work.`,
    )
    .action(async ({ json = false }: Options) => {
      const machine = describeMachine();
      const here = await measureCosts(context);
      if (json) return printJson(shortened({ model: measuredCosts, here, machine }));
      const names = Object.keys(costSources) as (keyof Costs)[];
      const rows = names.map((name) => [
        name,
        costSources[name],
        Number(measuredCosts[name].toPrecision(3)),
        name === 'bitsPerSecond' ? '' : here[name].toPrecision(3),
      ]);
      console.log(textTable(['cost', 'of what', 'in the model', 'here'], rows));
    });
};
