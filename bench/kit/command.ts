import type { Command } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { printJson } from '../../src/cli/output.js';
import type { AddBenchmark } from '../benchmark.js';
import { profileOption, withProfiler } from '../support/profile/profiler.js';
import { runKitBenchmark } from './run.js';
import { clientsMax, type Settings } from './settings.js';
import { reportText } from './tables.js';

interface Options extends Settings {
  readonly json?: boolean;
  readonly profile?: string;
}

export const addKit: AddBenchmark = (program: Command, context) => {
  program
    .command('kit')
    .description(
      'one transfer by the bank, the kit (own table, PostgreSQL), a sidecar, and a gateway',
    )
    .option('--seconds <n>', 'length of each window of measurement', wholeNumberArgument(1, 600), 5)
    .option(
      '--rounds <n>',
      'windows of each way; figures are medians',
      wholeNumberArgument(1, 100),
      5,
    )
    .option(
      '--clients <n>',
      'concurrent clients of each way',
      wholeNumberArgument(1, clientsMax),
      16,
    )
    .option(
      '--warm-up <n>',
      'transfers of each way before that',
      wholeNumberArgument(1, 100_000),
      400,
    )
    .addOption(profileOption())
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
Starts one cluster (f = 1) on this machine with two participants for each way, and what stands behind
them: a PostgreSQL server with two databases, where one is installed; two HTTP services; a gateway with
two plain participants. A process each; the clients are this process. Each way is loaded for a window in
turn, again and again. Every transfer must commit and every account must hold what it should at the end,
else the exit status is 1. As it stands it takes about four minutes; figures mean little while anything
else runs. The tables are Markdown.

Examples:
  npm run bench -- kit
  npm run --silent bench -- kit --json --seconds 10 --rounds 7 > kit.json`,
    )
    .action(async ({ json = false, profile, ...settings }: Options) => {
      const report = await withProfiler(profile, context, (inner) =>
        runKitBenchmark(settings, inner),
      );
      if (json) printJson(report);
      else console.log(reportText(report));
    });
};
