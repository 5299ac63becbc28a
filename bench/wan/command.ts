import { type Command, Option } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { usageError } from '../../src/cli/exit.js';
import { printJson } from '../../src/cli/output.js';
import type { AddBenchmark, RunContext } from '../benchmark.js';
import { type Compared, compareAt, pipeliningOf } from '../simulated/compare.js';
import { regions, roundTripMs, wideArea } from '../simulated/regions.js';
import { comparedTable } from '../simulated/table.js';
import { describeMachine } from '../support/machine.js';
import { shortened } from '../support/statistics.js';
import { textTable } from '../support/text-table.js';
import { clientsText, measureClients } from './clients.js';
import { manyClientsText, measureManyClients } from './many-clients.js';
import { measureReal } from './processes.js';
import { realText } from './processes-text.js';
import { measureThroughput, throughputText } from './throughput.js';
import { measureTransfers, transfersText } from './transfers.js';

interface Options {
  readonly over: 'model' | 'processes';
  readonly seconds: number;
  readonly quick?: boolean;
  readonly json?: boolean;
}

const requestBytes = 500;
/** One replica in each region, and two. */
const sizes = [regions.length, 2 * regions.length];
const depths = [1, 10];

export const addWan: AddBenchmark = (program: Command, context) => {
  program
    .command('wan')
    .description('the engines over regions: Antipaxos, table 2, and ezBFT, figures 4 to 7')
    .addOption(
      new Option('--over <what>', 'what stands for the regions')
        .choices(['model', 'processes'])
        .default('model'),
    )
    .option(
      '--seconds <n>',
      'with --over processes: length of each window',
      wholeNumberArgument(1, 600),
      12,
    )
    .option('--quick', 'with --over processes: fewer rows')
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
In virtual time, with the costs that "bench costs" measures: the engines are the production ones. Requests
have ${requestBytes} bytes and no signature of a client.

First, seven regions: PBFT's primary is in the one that is best placed, and its clients hand everything in there.
Then four regions with a replica and a client in each: the client hands in at its region's replica, and believes an
answer that f + 1 replicas have sent it; where an engine has a primary, it is in each region in turn. Then what
clients in one region and in all can hand in at most, and what up to 100 clients a region wait for. At last the two
agreements of a transfer, in three phases and in two steps. About a minute of work.

With --over processes: replicas and clients are processes on this machine, with TLS, disks and signatures, and a proxy
makes each way between two regions take half their round trip. Each row is there in virtual time, too. First ezBFT's
experiment 1, with FaB's and PBFT's primary in each region, then Antipaxos' seven regions with one and with
100 clients in each. About eight minutes; figures mean little while anything else runs.

Examples:
  npm run bench -- wan
  npm run bench -- wan --over processes --seconds 20
  npm run --silent bench -- wan --over processes --json > wan.json`,
    )
    .action(async ({ json = false, over, ...settings }: Options, command: Command) => {
      if (over === 'processes') {
        const results = await measureReal({ ...settings, quick: settings.quick === true }, context);
        const machine = describeMachine();
        return json ? printJson(shortened({ results, machine })) : console.log(realText(results));
      }
      for (const option of ['seconds', 'quick']) {
        if (command.getOptionValueSource(option) === 'cli') {
          throw usageError(`--${option} is of no use without --over processes`);
        }
      }
      const all = compareWideArea(sizes, context);
      const clients = measureClients(context);
      const throughput = measureThroughput(context);
      const manyClients = measureManyClients(context);
      const transfers = measureTransfers();
      if (json) {
        const others = { clients, throughput, manyClients, transfers };
        return printJson(shortened({ ...forJson(all), ...others }));
      }
      const texts = [
        report(all),
        clientsText(clients),
        throughputText(throughput),
        manyClientsText(manyClients),
        transfersText(transfers),
      ];
      console.log(texts.join('\n'));
    });
};

/** Both engines over the regions, at each depth of the pipeline. */
export function compareWideArea(replicas: readonly number[], context: RunContext): Compared[] {
  return replicas.flatMap((n) =>
    depths.map((depth) => {
      const point = { n, depth, requestBytes, clientsSign: false };
      return compareAt(point, wideArea, { withLowLoad: true, withEzbft: true }, context);
    }),
  );
}

function forJson(all: readonly Compared[]) {
  const roundTripsMs = regions.map((_, a) => regions.map((__, b) => roundTripMs(a, b)));
  const bySize = sizes.map((n) => {
    const same = all.filter((one) => one.n === n);
    const pipelining = {
      antipaxos: pipeliningOf(same, 'antipaxos'),
      ezbft: pipeliningOf(same, 'ezbft'),
      fab: pipeliningOf(same, 'fab'),
      pbft: pipeliningOf(same, 'pbft'),
    };
    return [n, { pipelining, points: same }] as const;
  });
  return { regions, roundTripsMs, ...Object.fromEntries(bySize) };
}

function report(all: readonly Compared[]): string {
  const rows = regions.map((region, a) => [
    region,
    ...regions.slice(0, a).map((_, b) => roundTripMs(a, b)),
    ...regions.slice(a).map(() => ''),
  ]);
  return [
    'Round trips, ms',
    textTable(['', ...regions], rows, 1),
    'Peak throughput over these regions, and the latency of requests that come alone',
    comparedTable(all),
    ...sizes.map((n) => {
      const { ratio } = pipeliningOf(
        all.filter((one) => one.n === n),
        'antipaxos',
      );
      return `n = ${n}: ten cycles at once do ${ratio.toFixed(1)} times what one does.`;
    }),
  ].join('\n');
}
