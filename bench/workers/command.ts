import type { Command } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { printJson } from '../../src/cli/output.js';
import type { AddBenchmark } from '../benchmark.js';
import { listArgument } from '../support/list-argument.js';
import { shortened } from '../support/statistics.js';
import { textTable } from '../support/text-table.js';
import { type Report, runWorkersBenchmark, type Settings } from './run.js';

interface Options extends Settings {
  readonly json?: boolean;
}

export const addWorkers: AddBenchmark = (program: Command, context) => {
  program
    .command('workers')
    .description('what worker threads take off the main thread of a coordinator')
    .option(
      '--rounds <n>',
      'backlogs of each setting; figures are medians',
      wholeNumberArgument(1, 100),
      5,
    )
    .option('--count <n>', 'messages of a backlog', wholeNumberArgument(100, 100_000), 2000)
    .option('--threads <list>', 'worker threads that are tried', listArgument(1, 64), [1, 2])
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
Feeds messages that are made before to the edge of one coordinator, until its core would have taken all: signed SOAP
envelopes with a signed statement in each (without sockets), and agreement messages. Each setting is a process of its
own, pinned to one processor or to two, and all are fed in turn. About a minute where nothing else runs.`,
    )
    .action(async ({ json = false, ...settings }: Options) => {
      const report = await runWorkersBenchmark(settings, context);
      if (json) printJson(shortened(report));
      else console.log(reportText(report));
    });
};

/** With fewer, what the clock and the collector of garbage do to one backlog shows. */
const enoughMessages = 1000;
const enoughRounds = 3;

function reportText({ rows, settings, machine }: Report): string {
  const { processor, cores, memoryGiB, system, node, loadBefore } = machine;
  const { count, rounds } = settings;
  const isRough = count < enoughMessages || rounds < enoughRounds;
  return [
    rowsText(rows),
    `Medians of ${rounds} rounds, backlogs of ${count} messages.`,
    ...(isRough
      ? [`Rough: take ${enoughRounds} rounds and backlogs of ${enoughMessages} at the least.`]
      : []),
    `${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}; load before: ${loadBefore}.`,
  ].join('\n');
}

function rowsText(rows: Report['rows']): string {
  const head = ['fed', 'processors', 'threads', 'messages/s', 'ratio', 'main thread µs', 'all µs'];
  return textTable(
    head,
    rows.map(({ kind, cores, threads, perSecond, ratio, mainUs, allUs }) => [
      kind,
      cores,
      threads,
      perSecond.toFixed(0),
      ratio.toFixed(2),
      mainUs.toFixed(0),
      allUs.toFixed(0),
    ]),
    1,
  );
}
