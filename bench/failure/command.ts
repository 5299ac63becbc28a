import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { printJson } from '../../src/cli/output.js';
import {
  type ExclusionStrategy,
  exclusionStrategies,
} from '../../src/ordering/core/antipaxos/state.js';
import type { AddBenchmark, RunContext } from '../benchmark.js';
import { median, rounded } from '../support/statistics.js';
import { textTable } from '../support/text-table.js';
import { chartSvg, chartText, type Series } from './chart.js';
import { failProcesses } from './processes.js';
import { simulateFailure } from './simulate.js';
import type { Recovery } from './timeline.js';

interface Options {
  readonly rate: number;
  readonly processes?: boolean;
  readonly rounds: number;
  readonly svg?: string;
  readonly json?: boolean;
}

type Results = Record<ExclusionStrategy, Recovery>;
/** One replica killed once, with one strategy. */
type Fail = (strategy: ExclusionStrategy, killed: number) => Promise<Recovery>;

const strategies = Object.keys(exclusionStrategies) as ExclusionStrategy[];
const killAtMs = 5000;
const endMs = 15_000;
/** The last one is nobody's primary; the first is the primary of the Decision Module. */
const ordinary = 3;
const decisionPrimary = 0;

export const addFailure: AddBenchmark = (program: Command, context) => {
  program
    .command('failure')
    .description('one of four replicas killed under constant load (Antipaxos, figure 3)')
    .option('--rate <n>', 'thousand requests a second', wholeNumberArgument(1, 50), 10)
    .option('--processes', 'over real processes, killed with SIGKILL, instead of in virtual time')
    .option('--rounds <n>', 'with --processes: figures are medians', wholeNumberArgument(1, 20), 3)
    .option('--svg <file>', 'draw throughput over time into this file')
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
S1 leaves a process out after one missed cycle, S2 after twenty in a row, S3 after one with twice the
time-out. In virtual time, with the costs that "bench costs" measures, it is a few seconds of work; the engine
is the production one. Over processes it takes three minutes a round, and the rate has to be one that the
machine can bear.

Examples:
  npm run bench -- failure --svg failure.svg
  npm run bench -- failure --processes --rate 2
  npm run --silent bench -- failure --json`,
    )
    .action(async ({ rate, processes = false, rounds, svg, json = false }: Options) => {
      const perSecond = rate * 1000;
      const fail = processes
        ? overProcesses(perSecond, rounds, context)
        : simulated(perSecond, context);
      const results = await run(ordinary, fail);
      const worst = await run(decisionPrimary, fail);
      const series = strategies.map((name): Series => ({ name, ...results[name] }));
      if (svg !== undefined) await writeFile(svg, chartSvg(series, killAtMs));
      if (json) printJson({ ...forJson(results), decisionPrimaryKilled: forJson(worst) });
      else console.log(report(results, worst, series));
    });
};

async function run(killed: number, fail: Fail): Promise<Results> {
  const results: [ExclusionStrategy, Recovery][] = [];
  for (const strategy of strategies) results.push([strategy, await fail(strategy, killed)]);
  return Object.fromEntries(results) as Results;
}

function simulated(requestsPerSecond: number, { progress, signal }: RunContext): Fail {
  return async (strategy, killed) => {
    signal.throwIfAborted();
    progress(`${strategy}, replica ${killed} killed ...`);
    return simulateFailure({ strategy, requestsPerSecond, killed, killAtMs, endMs });
  };
}

/** The figures are medians, each by itself; the throughput is that of the last round. */
function overProcesses(requestsPerSecond: number, rounds: number, context: RunContext): Fail {
  return async (strategy, killed) => {
    const recoveries: Recovery[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      context.progress(`${strategy}, replica ${killed} killed, ${round} of ${rounds} ...`);
      const failure = { strategy, requestsPerSecond, killed, killAtMs, endMs };
      recoveries.push(await failProcesses(failure, context));
    }
    return medianOf(recoveries);
  };
}

function medianOf(recoveries: readonly Recovery[]): Recovery {
  const last = recoveries.at(-1);
  if (!last) throw new RangeError('no rounds');
  const of = (figure: (recovery: Recovery) => number) => median(recoveries.map(figure));
  return {
    ...last,
    pauseMs: of(({ pauseMs }) => pauseMs),
    recoveryMs: of(({ recoveryMs }) => recoveryMs),
    slowestMs: of(({ slowestMs }) => slowestMs),
  };
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
