import { Command, CommanderError } from 'commander';
import { CliError, type ExitCode, exitCodes } from '../src/cli/exit.js';
import { type AddBenchmark, BenchmarkError, type RunContext } from './benchmark.js';
import { addCosts } from './costs/command.js';
import { addFailure } from './failure/command.js';
import { addKit } from './kit/command.js';
import { addLayer2 } from './layer2/command.js';
import { addOrdering } from './ordering/command.js';
import { addPeers } from './peers/command.js';
import { addTransfer } from './transfer/command.js';
import { addWan } from './wan/command.js';
import { addWorkers } from './workers/command.js';

const benchmarks: readonly AddBenchmark[] = [
  addTransfer,
  addKit,
  addPeers,
  addOrdering,
  addWan,
  addFailure,
  addLayer2,
  addCosts,
  addWorkers,
];

const exitCodeHelp = `
Results go to standard output, progress to standard error. "npm run --silent bench -- NAME --json"
keeps npm's own lines out.

Exit status:
  0  measured
  1  a measurement failed, and so counts for nothing
  2  wrong command line; nothing was done
  4  a fault of this program or machine
  128 + n  ended by signal n`;

async function run(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  const context: RunContext = {
    signal: interrupted.signal,
    progress: (line) => console.error(line),
  };
  let status: number = exitCodes.ok;
  // A second signal meets no handler and ends the program at once; its nodes follow by themselves.
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const) {
    process.once(signal, () => {
      status = 128 + number;
      console.error(`bench: ${signal}, stopping ...`);
      interrupted.abort(new Error(signal));
    });
  }
  try {
    await benchProgram(context).parseAsync(args, { from: 'user' });
    return status;
  } catch (error) {
    return interrupted.signal.aborted ? status : report(error);
  }
}

function benchProgram(context: RunContext): Command {
  const program = new Command('bench')
    .description('Measures this software on this machine.')
    .usage('NAME [options]')
    .addHelpText('after', exitCodeHelp)
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'bench: ')),
    })
    .showHelpAfterError('("npm run bench -- --help" tells more)')
    .exitOverride();
  for (const add of benchmarks) add(program, context);
  return program;
}

function report(error: unknown): ExitCode {
  // Commander has written its own message.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (error instanceof BenchmarkError || error instanceof CliError) {
    console.error(`bench: ${error.message}`);
    return error instanceof CliError ? exitCodes[error.code] : exitCodes.failed;
  }
  console.error(error);
  return exitCodes.internal;
}

// Not by itself: connections and channels may still be open after a failure.
process.exit(await run(process.argv.slice(2)));
