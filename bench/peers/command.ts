import { once } from 'node:events';
import type { Command } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { printJson } from '../../src/cli/output.js';
import { defaultDownloads } from '../../test/interop/narayana/downloads.js';
import type { AddBenchmark, RunContext } from '../benchmark.js';
import { listArgument } from '../support/list-argument.js';
import { runPeers } from './run.js';
import type { Settings } from './settings.js';
import { reportText } from './tables.js';

interface Options extends Settings {
  readonly wait?: boolean;
  readonly json?: boolean;
}

const clientsMax = 64;
const orderingClientsMax = 1000;
const serversMax = 3;

export const addPeers: AddBenchmark = (program: Command, context) => {
  program
    .command('peers')
    .description('transfers beside Narayana, and ordering beside BFT-SMaRt, in one run')
    .option('--seconds <n>', 'length of each window of measurement', wholeNumberArgument(1, 600), 4)
    .option(
      '--rounds <n>',
      'windows of each kind; figures are medians',
      wholeNumberArgument(1, 100),
      3,
    )
    .option('--clients <list>', 'concurrent clients', listArgument(1, clientsMax), [1, 4, 16])
    .option(
      '--warm-up <n>',
      'transfers of each system of this software before that',
      wholeNumberArgument(1, 100_000),
      2000,
    )
    .option(
      '--warm-up-seconds <n>',
      'how long Narayana is under load before that: its compiler goes on for minutes',
      wholeNumberArgument(1, 36_000),
      600,
    )
    .option(
      '--servers <n>',
      'WildFly servers: all in one; the banks in a second; or in one each',
      wholeNumberArgument(1, serversMax),
      2,
    )
    .option(
      '--bft-smart <folder>',
      'BFT-SMaRt as its "./gradlew installDist" makes it, build/install/library: compared with the ordering engines',
    )
    .option(
      '--ordering-clients <list>',
      'concurrent clients of that',
      listArgument(1, orderingClientsMax),
      [100, 400],
    )
    .option('--downloads <folder>', 'where WildFly is kept', defaultDownloads)
    .option(
      '--wait',
      'after the warm-up, wait for a line on standard input: until the machine is quiet',
    )
    .option('--json', 'print JSON and nothing else')
    .addHelpText(
      'after',
      `
Starts, on this machine, clusters of this software (f = 1 and unreplicated, with signed SOAP and with the
compact binding) and Narayana's WS-AtomicTransaction in WildFly, which signs nothing and does not replicate;
its clients are in its first server. Each is measured in turn, window by window; processor time is that of all
processes, clients included. As it stands it takes about 20 minutes, of which the windows are three; figures
mean little while anything else runs. Every transfer must commit and the books must be right at the end, else
the exit status is 1.

WildFly comes from Maven Central the first time: 268 MB. Needs Java 17, Maven and unzip; where they are missing,
or WildFly cannot be had, Narayana is skipped and the output says so.

BFT-SMaRt is in no registry: get its source, build it, and name the folder. Its microbenchmark's server (0/0
bytes, not signed, nothing on disk) then runs beside PBFT and Antipaxos over real processes, which write to disk.

Examples:
  npm run bench -- peers
  npm run bench -- peers --bft-smart ../bft-smart/build/install/library
  npm run --silent bench -- peers --json --seconds 10 --rounds 5 > peers.json`,
    )
    .action(async ({ json = false, wait = false, ...settings }: Options) => {
      const report = await runPeers(settings, context, () => (wait ? line(context) : noWait()));
      if (json) printJson(report);
      else console.log(reportText(report));
    });
};

async function line({ progress, signal }: RunContext): Promise<void> {
  progress('all are warm; the windows begin with a line on standard input');
  // Also where it ends without one.
  await once(process.stdin, 'readable', { signal });
}

async function noWait(): Promise<void> {}
