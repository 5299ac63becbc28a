import { Command, CommanderError } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { CliError, exitCodes } from '../../src/cli/exit.js';
import { printJson, table } from '../../src/cli/output.js';
import { FuzzError } from './attack.js';
import { crowd } from './ground/accounts.js';
import { fuzz, type Report, type RunContext } from './run.js';
import type { Waits } from './watch/crowd.js';

interface Options {
  readonly inputs: number;
  readonly seed: number;
  readonly json?: boolean;
}

const help = `
Starts a cluster of real processes on this machine, records what its nodes say to each other, and then
sends hostile input to every one of their ports while an honest client makes transfers. Nothing may
die, hang or grow; every answer must be a right fault or a closed connection; no money may move but by
the honest client's transfers; no node may call an address outside the cluster.

Results go to standard output, progress to standard error. "npm run --silent fuzz -- --json" keeps
npm's own lines out. The same seed makes the same inputs, apart from keys, times and ports.

Exit status:
  0  nothing was found
  1  a crash, a hang or a violation
  2  wrong command line; nothing was done
  4  a fault of this program or machine
  128 + n  ended by signal n`;

async function run(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  const context: RunContext = {
    signal: interrupted.signal,
    progress: (line) => console.error(`fuzz: ${line}`),
  };
  let status: number = exitCodes.ok;
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    // A second signal meets no handler and ends the program at once; its nodes follow by themselves.
    process.once(signal, () => {
      status = 128 + number;
      console.error(`fuzz: ${signal}, stopping ...`);
      interrupted.abort(new Error(signal));
    });
  }
  const program = new Command('fuzz')
    .description('Attacks the endpoints of a running cluster with hostile input.')
    .option('--inputs <n>', 'how many inputs to send', wholeNumberArgument(1, 10_000_000), 100_000)
    .option('--seed <n>', 'seed of the inputs', wholeNumberArgument(0, Number.MAX_SAFE_INTEGER), 1)
    .option('--json', 'print JSON and nothing else')
    .addHelpText('after', help)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'fuzz: ')) })
    .showHelpAfterError('("npm run fuzz -- --help" tells more)')
    .exitOverride()
    .action(async ({ json, ...settings }: Options) => {
      const report = await fuzz(settings, context);
      if (json) printJson(report);
      else console.log(reportText(report));
      if (report.crashes + report.hangs + report.violationCount > 0) status ||= exitCodes.failed;
    });
  try {
    await program.parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    return interrupted.signal.aborted ? status : reportError(error);
  }
}

function reportText(report: Report): string {
  const { kinds, nodes, honest, flood, violations, inputs, seconds, seed } = report;
  const { committed, aborted, unknown } = honest.during;
  return [
    table(
      ['kind', 'inputs', 'bad', 'answers'],
      kinds.map(({ kind, inputs: count, violations: bad, answers }) => [
        kind,
        String(count),
        String(bad),
        answersText(answers),
      ]),
    ),
    '',
    table(
      ['node', 'MiB before', 'peak', 'after', 'log MiB', 'slowest /healthz ms'],
      nodes.map((node) => [
        node.name,
        String(node.residentBeforeMiB),
        String(node.residentPeakMiB),
        String(node.residentAfterMiB),
        String(node.logMiB),
        String(node.slowestHealthMs),
      ]),
    ),
    '',
    `honest transfers a second: ${honest.perSecondBefore} without the attack, ${honest.perSecondDuring} during it; ratio ${honest.ratio}`,
    `p99 of ${crowd.length} other clients: ${waitsText(flood.quiet)}; while one client floods ` +
      `(${flood.floodRequests} requests) ${waitsText(flood.flooded)}; ratio ${flood.ratio}`,
    `honest transfers during the attack: ${committed} committed, ${aborted} aborted, ${unknown} without an answer; ` +
      `longest wait for one ${honest.longestGapMs} ms`,
    `calls of the canary: ${report.canaryCalls}`,
    `${inputs} inputs of seed ${seed} in ${seconds} s, ${Math.round(inputs / seconds)} a second; the attacker's own ` +
      `process took ${report.attackerProcessors} processors, at a low priority`,
    ...violations
      .slice(0, 20)
      .map(({ kind, stream, what }) => `violation: ${kind}, stream ${stream}: ${what}`),
    `fuzz: ${inputs} inputs, ${report.crashes} crashes, ${report.hangs} hangs, ${report.violationCount} violations`,
  ].join('\n');
}

function waitsText({ transfers, failed, p99Ms }: Waits): string {
  return `${p99Ms} ms (${transfers} transfers, ${failed} failed)`;
}

const answersShown = 6;

function answersText(answers: Readonly<Record<string, number>>): string {
  const all = Object.entries(answers).map(([answer, count]) => `${answer} ${count}`);
  const more = all.length > answersShown ? [`${all.length - answersShown} others`] : [];
  return [...all.slice(0, answersShown), ...more].join(', ');
}

function reportError(error: unknown): number {
  // Commander has written its own message.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof FuzzError || error instanceof CliError) {
    console.error(`fuzz: ${error.message}`);
    return exitCodes.internal;
  }
  console.error(error);
  return exitCodes.internal;
}

// Not by itself: connections may still be open after a failure.
process.exit(await run(process.argv.slice(2)));
