import { type Command, Option } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { usageError } from '../../src/cli/exit.js';
import { printJson } from '../../src/cli/output.js';
import { bindings } from '../../src/kernel/cluster.js';
import type { AddBenchmark } from '../benchmark.js';
import { listArgument } from '../support/list-argument.js';
import { profileOption, withProfiler } from '../support/profile/profiler.js';
import { comparisonText, runComparison } from './compare.js';
import { runTransferBenchmark, type Settings } from './run.js';
import { reportText } from './tables.js';

interface Options extends Settings {
  readonly compare?: readonly string[];
  readonly warmUp: number;
  readonly json?: boolean;
  readonly profile?: string;
}

const clientsMax = 256;
/** One debtor and as many creditors as a transfer may have. */
const participantsMax = 16;

export const addTransfer: AddBenchmark = (program: Command, context) => {
  program
    .command('transfer')
    .description('transfers on a replicated cluster (f = 1) and on the same code unreplicated')
    .option('--seconds <n>', 'length of each window of measurement', wholeNumberArgument(1, 600), 4)
    .option(
      '--rounds <n>',
      'windows of each kind; figures are medians',
      wholeNumberArgument(1, 100),
      3,
    )
    .option(
      '--clients <list>',
      'concurrent clients, with two participants',
      listArgument(1, clientsMax),
      [1, 4, 16, 64],
    )
    .addOption(
      new Option('--participants <list>', 'participants, with one client')
        .argParser(listArgument(2, participantsMax))
        .default([2, 4, 6, 8])
        .conflicts('compare'),
    )
    .addOption(
      new Option('--binding <name>', 'how the nodes of both send messages to each other')
        .choices(bindings)
        .default('soap')
        .conflicts('compare'),
    )
    .option(
      '--compare <dirs...>',
      'instead: this checkout with each binding, replicated and not, and other checkouts that are built',
    )
    .option(
      '--warm-up <n>',
      'with --compare: transfers of each system before that',
      wholeNumberArgument(1, 100_000),
      1000,
    )
    .addOption(profileOption().conflicts('compare'))
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
Runs both clusters on this machine, one process a node, and loads one at a time. As it stands it takes
about four minutes; figures mean little while anything else runs. Every transfer must commit and the
banks' books must agree with them at the end, else the exit status is 1.

With --compare every system is measured in turn, window by window, and the ratios are to the first other
checkout. Its nodes are its own, and so is its client, which runs in this process. "--compare ." compares
the bindings of this checkout. Another checkout runs with the binding that is its default, which stands behind its name.

Examples:
  npm run bench -- transfer
  npm run bench -- transfer --compare ../before --clients 1,16,64
  npm run bench -- transfer --profile profiles --clients 16 --participants 2 --rounds 1
  npm run --silent bench -- transfer --json --seconds 10 --rounds 5 > transfer.json`,
    )
    .action(async ({ json = false, compare, profile, ...settings }: Options, command: Command) => {
      if (compare === undefined && command.getOptionValueSource('warmUp') === 'cli') {
        throw usageError('--warm-up is of no use without --compare');
      }
      if (compare !== undefined) {
        const compared = await runComparison({ ...settings, compare }, context);
        return json ? printJson(compared) : console.log(comparisonText(compared));
      }
      const report = await withProfiler(profile, context, (inner) =>
        runTransferBenchmark(settings, inner),
      );
      if (json) printJson(report);
      else console.log(reportText(report));
    });
};
