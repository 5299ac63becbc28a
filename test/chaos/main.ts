import { randomInt } from 'node:crypto';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type EngineName, engineNames } from '../../bench/simulated/cluster.js';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { CliError, exitCodes } from '../../src/cli/exit.js';
import { printJson } from '../../src/cli/output.js';
import { binaries } from '../support/postgres-server.js';
import { databasesObject, databasesText } from './databases/report.js';
import { runDatabases } from './databases/run.js';
import { type NetworkKind, networkKinds } from './network/network.js';
import { orderingChaosText, runOrderingChaos } from './ordering/run.js';
import { reportObject, reportText } from './report/report.js';
import { type Context, runChaos } from './run.js';
import { isFlat, runSoak, soakText } from './soak/soak.js';

/** Real processes, real faults: `npm run chaos`. */

interface CommonOptions {
  readonly minutes: number;
  readonly clients: number;
  readonly seed?: number;
  readonly json?: boolean;
}

interface RunOptions extends CommonOptions {
  readonly kills: number;
  readonly partitions: number;
  readonly retained: number;
  readonly network?: NetworkKind;
}

interface OrderingRunOptions extends CommonOptions {
  readonly engine: EngineName;
  readonly liar: boolean;
}

type DatabasesRunOptions = CommonOptions & Pick<RunOptions, 'kills'>;

const noPostgres = 'no PostgreSQL server; install Debian’s postgresql, or set POSTGRES_BIN';
const minuteMs = 60_000;
const minutesMax = 60;
const seedMax = 2 ** 31 - 1;

const help = `
The cluster has four coordinators and three initiators (f = 1), three banks and a bank that is silent by
turns, each a process, with default timeouts. Coordinators remember so little that they forget all the time. The seed fixes which faults there are and in which order; when exactly they happen
depends on the machine, too. A run may take longer than it was given: all its faults happen.

Of "databases" there are two participants, each with a PostgreSQL server of its own, and two banks. It breaks
no network; it kills servers, participants, coordinators, initiators and banks, and takes PostgreSQL 13 or
later (Debian's package, or POSTGRES_BIN).

Network namespaces take root, "ip", "iptables" and "tc"; without them there is a proxy between the
nodes.

Results go to standard output, progress to standard error.

Exit status:
  0  no violation
  1  a violation, or memory or disk that grows
  2  wrong command line; nothing was done
  4  a fault of this program or machine

Examples:
  npm run chaos -- --minutes 15 --kills 200 --partitions 40
  npm run chaos -- --minutes 1 --kills 10 --partitions 3 --seed 7
  npm run --silent chaos -- --json > chaos.json
  npm run chaos -- soak --minutes 30
  npm run chaos -- databases --minutes 12 --kills 200 --seed 7
  npm run chaos -- ordering --engine ezbft --minutes 5`;

function programOf(context: Context, exit: (status: number) => void): Command {
  const program = new Command('chaos')
    .description('Breaks a running cluster in every way it must bear, and checks the books.')
    .addHelpText('after', help)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'chaos: ')) })
    .showHelpAfterError('("npm run chaos -- --help" tells more)')
    .exitOverride();
  withCommon(program.command('run', { isDefault: true }), 15)
    .description('kill, pause, cut off, slow down and replace nodes under load')
    .option(
      '--kills <n>',
      'times to kill a process, or all banks at once',
      wholeNumberArgument(0, 10_000),
      200,
    )
    .option('--partitions <n>', 'partitions of the network', wholeNumberArgument(0, 10_000), 40)
    .option(
      '--retained <n>',
      'finished transactions that coordinators remember',
      wholeNumberArgument(16, 50_000),
      64,
    )
    .addOption(
      new Option('--network <kind>', 'how to break it; namespaces where possible').choices(
        networkKinds,
      ),
    )
    .action(async ({ minutes, json, seed, ...rest }: RunOptions) => {
      const durationMs = minutes * minuteMs;
      const options = { ...rest, durationMs, seed: seed ?? randomInt(seedMax) };
      const result = await runChaos(options, context);
      if (json) printJson(reportObject(result));
      else console.log(reportText(result));
      exit(result.violations.length === 0 ? exitCodes.ok : exitCodes.failed);
    });
  withCommon(program.command('soak'), 30)
    .description('load without faults; watches the memory and the disk of every process')
    .action(async ({ minutes, clients, json, seed }: CommonOptions) => {
      const durationMs = minutes * minuteMs;
      const options = { durationMs, clients, seed: seed ?? randomInt(seedMax) };
      const result = await runSoak(options, context);
      if (json) printJson(result);
      else console.log(soakText(result));
      const good = result.violations.length === 0 && isFlat(result);
      exit(good ? exitCodes.ok : exitCodes.failed);
    });
  withCommon(program.command('databases'), 12)
    .description(
      'kill two PostgreSQL servers, their participants and all else, under orders in both',
    )
    .option('--kills <n>', 'times to kill something', wholeNumberArgument(0, 10_000), 200)
    .action(async ({ minutes, json, seed, ...rest }: DatabasesRunOptions) => {
      if (binaries === undefined) throw new CliError('failed', noPostgres);
      const durationMs = minutes * minuteMs;
      const options = { ...rest, durationMs, seed: seed ?? randomInt(seedMax) };
      const result = await runDatabases(options, context);
      if (json) printJson(databasesObject(result));
      else console.log(databasesText(result));
      exit(result.violations.length === 0 ? exitCodes.ok : exitCodes.failed);
    });
  program
    .command('ordering')
    .description('kill, pause, cut off and replace replicas of an ordering engine; one may lie')
    .addOption(
      new Option('--engine <name>', 'which engine').choices(engineNames).makeOptionMandatory(),
    )
    .option('--minutes <m>', 'how long, such as 0.5', minutesFrom, 2)
    .option('--clients <n>', 'requests under way at a time', wholeNumberArgument(1, 64), 8)
    .option('--no-liar', 'all replicas are correct; they may lose their disks then')
    .option(
      '--seed <n>',
      'of all random choices; random unless given',
      wholeNumberArgument(0, seedMax),
    )
    .option('--json', 'print JSON and nothing else')
    .action(async ({ minutes, liar, json, seed, ...rest }: OrderingRunOptions) => {
      const durationMs = minutes * minuteMs;
      const options = { ...rest, durationMs, isLying: liar, seed: seed ?? randomInt(seedMax) };
      const result = await runOrderingChaos(options, context);
      if (json) printJson(result);
      else console.log(orderingChaosText(result));
      exit(result.violations.length === 0 ? exitCodes.ok : exitCodes.failed);
    });
  return program;
}

function withCommon(command: Command, minutes: number): Command {
  return command
    .option('--minutes <m>', 'how long, such as 0.5', minutesFrom, minutes)
    .option('--clients <n>', 'transfers in flight at a time', wholeNumberArgument(1, 64), 8)
    .option(
      '--seed <n>',
      'of all random choices; random unless given',
      wholeNumberArgument(0, seedMax),
    )
    .option('--json', 'print JSON and nothing else');
}

function minutesFrom(text: string): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value <= 0 || value > minutesMax) {
    throw new InvalidArgumentError(`Write a number above 0, at most ${minutesMax}.`);
  }
  return value;
}

async function run(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  // A second signal meets no handler and ends the program at once; its nodes follow by themselves.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      console.error(`chaos: ${signal}, no more faults; checking what there is ...`);
      interrupted.abort();
    });
  }
  let status: number = exitCodes.ok;
  const context = { signal: interrupted.signal, progress: (line: string) => console.error(line) };
  try {
    await programOf(context, (value) => {
      status = value;
    }).parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): number {
  // Commander has written its own message.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof CliError) {
    console.error(`chaos: ${error.message}`);
    return exitCodes[error.code];
  }
  console.error(error);
  return exitCodes.internal;
}

// Not by itself: connections and channels may still be open after a failure.
process.exit(await run(process.argv.slice(2)));
