import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { wholeNumber } from '../../src/cli/arguments.js';
import { printJson } from '../../src/cli/output.js';
import {
  type ExclusionStrategy,
  exclusionStrategies,
} from '../../src/core/ordering/antipaxos/options.js';
import type { AddBenchmark, RunContext } from '../benchmark.js';
import { rounded } from '../support/statistics.js';
import { textTable } from '../support/text-table.js';
import { chartSvg, chartText, type Series } from './chart.js';
import { simulateFailure } from './simulate.js';
import type { Recovery } from './timeline.js';

interface Options {
  readonly rate: number;
  readonly svg?: string;
  readonly json?: boolean;
}

type Results = Record<ExclusionStrategy, Recovery>;

const strategies = Object.keys(exclusionStrategies) as ExclusionStrategy[];
const killAtMs = 5000;
const endMs = 15_000;
/** The last one is nobody's primary; the first is the primary of the Decision Module. */
const ordinary = 3;
const decisionPrimary = 0;

export const addFailure: AddBenchmark = (program: Command, context) => {
  program
    .command('failure')
    .description('one of four replicas killed under constant load (Antipaxos, figure 3; simulated)')
    .option('--rate <n>', 'thousand requests a second', wholeNumber(1, 50), 10)
    .option('--svg <file>', 'draw throughput over time into this file')
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
In virtual time, with the costs that "bench costs" measures: the engine is the production one. S1 leaves a
process out after one missed cycle, S2 after twenty in a row, S3 after one with twice the time-out. A few
seconds of work.

Examples:
  npm run bench -- failure --svg failure.svg
  npm run --silent bench -- failure --json`,
    )
    .action(async ({ rate, svg, json = false }: Options) => {
      const results = run(rate * 1000, ordinary, context);
      const worst = run(rate * 1000, decisionPrimary, context);
      const series = strategies.map((name): Series => ({ name, ...results[name] }));
      if (svg !== undefined) await writeFile(svg, chartSvg(series, killAtMs));
      if (json) printJson({ ...forJson(results), decisionPrimaryKilled: forJson(worst) });
      else console.log(report(results, worst, series));
    });
};

function run(requestsPerSecond: number, killed: number, { progress, signal }: RunContext): Results {
  const results = strategies.map((strategy) => {
    signal.throwIfAborted();
    progress(`${strategy}, replica ${killed} killed ...`);
    const failure = { strategy, requestsPerSecond, killed, killAtMs, endMs };
    return [strategy, simulateFailure(failure)] as const;
  });
  return Object.fromEntries(results) as Results;
}

function forJson(results: Results) {
  return Object.fromEntries(
    strategies.map((strategy) => {
      const { pauseMs, recoveryMs, slowestMs, throughput, requests, answered } = results[strategy];
      return [
        strategy,
        {
          pauseMs: rounded(pauseMs),
          recoveryMs: rounded(recoveryMs),
          slowestMs: rounded(slowestMs),
          requests,
          answered,
          throughput: throughput.map(Math.round),
        },
      ];
    }),
  );
}

function report(results: Results, worst: Results, series: readonly Series[]): string {
  const rowsOf = (what: string, of: Results) =>
    strategies.map((strategy) => {
      const { pauseMs, recoveryMs, slowestMs } = of[strategy];
      return [what, strategy, ...[pauseMs, recoveryMs, slowestMs].map((ms) => ms.toFixed(0))];
    });
  const head = ['killed', 'strategy', 'pause ms', 'recovery ms', 'slowest ms'];
  return [
    'One of four replicas killed after 5 s of constant load',
    chartText(series, killAtMs),
    textTable(head, [
      ...rowsOf('a replica', results),
      ...rowsOf("the Decision Module's primary", worst),
    ]),
    'pause: the longest time without an answer; recovery: until requests take as long as before',
  ].join('\n');
}
