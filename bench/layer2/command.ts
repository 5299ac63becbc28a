import { type Command, InvalidArgumentError, Option } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { printJson } from '../../src/cli/output.js';
import { engineNames } from '../../src/kernel/cluster.js';
import type { AddBenchmark } from '../benchmark.js';
import { describeMachine } from '../support/machine.js';
import { profileOption, withProfiler } from '../support/profile/profiler.js';
import { shortened } from '../support/statistics.js';
import { textTable } from '../support/text-table.js';
import { type Layer2Report, type Layer2Settings, runLayer2 } from './run.js';

interface Options extends Layer2Settings {
  readonly json?: boolean;
  readonly profile?: string;
}

const replicasMax = 31;

export const addLayer2: AddBenchmark = (program: Command, context) => {
  program
    .command('layer2')
    .description('six operations of a session and its commit, at 4 to 16 replicas')
    .option(
      '--replicas <list>',
      'numbers of replicas, 3f + 1 each',
      replicaList,
      [4, 7, 10, 13, 16],
    )
    .option('--rounds <n>', 'rounds; figures are medians', wholeNumberArgument(1, 100), 3)
    .option('--workflows <n>', 'workflows in each round', wholeNumberArgument(1, 1000), 20)
    .option(
      '--pairs <n>',
      'pairs of sessions at each degree of contention',
      wholeNumberArgument(1, 1000),
      50,
    )
    .addOption(
      new Option('--engine <name>', 'what orders them')
        .choices([...engineNames])
        .default('antipaxos'),
    )
    .addOption(profileOption())
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
Starts a cluster of each size on this machine, a process a node, with the supply-chain application. One
client creates a package, starts to work, scans, validates, checks and labels it, and then commits; each
result is checked as it comes. Next to that, two things done alone: a transaction of two banks at layer 1,
and one operation that is ordered at once; the ratios are of these to an operation. Contention is measured
with the first number of replicas: pairs of sessions at different homes, of which so many work on one
package. The whole takes some fifteen minutes.

Examples:
  npm run bench -- layer2
  npm run --silent bench -- layer2 --json --replicas 4`,
    )
    .action(async ({ json = false, profile, ...settings }: Options) => {
      const machine = describeMachine();
      const report = await withProfiler(profile, context, (inner) => runLayer2(settings, inner));
      if (json) printJson(shortened({ ...forJson(report), settings, machine }));
      else console.log(textOf(report));
    });
};

function forJson({ byReplicas, contention }: Layer2Report) {
  return {
    ...Object.fromEntries(byReplicas),
    contention: Object.fromEntries(contention.map(({ percent, ...rest }) => [percent, rest])),
  };
}

function textOf({ byReplicas, contention }: Layer2Report): string {
  const head = [
    'n',
    'operation ms',
    'p99 ms',
    'commit ms',
    'workflow ms',
    'transaction ms',
    'ratio',
    'ordered alone ms',
    'ratio',
    'coordinators CPU ms',
    'client CPU ms',
  ];
  const rows = [...byReplicas].map(([n, result]) => [
    n,
    result.operationMedianMs.toFixed(2),
    result.operationP99Ms.toFixed(1),
    result.commitMedianMs.toFixed(1),
    result.workflowMs.toFixed(1),
    result.transactionMedianMs.toFixed(1),
    result.ratio.toFixed(1),
    result.orderedMedianMs.toFixed(1),
    result.orderedRatio.toFixed(1),
    result.coordinatorsCpuMs.toFixed(0),
    result.clientCpuMs.toFixed(0),
  ]);
  return [
    'Six operations and a commit; processor time is for all of that',
    textTable(head, rows, 1),
    'Pairs of sessions at different homes: what came to something else than simulated',
    textTable(
      ['contended', 'operations', 'mis-simulated', 'of them undone', 'rate'],
      contention.map(({ percent, operations, misSimulated, undone, rate }) => [
        `${percent} %`,
        operations,
        misSimulated,
        undone,
        `${(rate * 100).toFixed(1)} %`,
      ]),
      1,
    ),
  ].join('\n');
}

function replicaList(text: string): number[] {
  const parse = wholeNumberArgument(4, replicasMax);
  return text.split(',').map((item) => {
    const replicas = parse(item.trim());
    if (replicas % 3 !== 1) throw new InvalidArgumentError('Write numbers of the form 3f + 1.');
    return replicas;
  });
}
