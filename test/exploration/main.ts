import { Command, InvalidArgumentError, Option } from 'commander';
import { productionEngines } from '../simulation/ordering/engines.js';
import { exploreEngine, type LiarKind, liarKinds } from './explore.js';
import { Broken, type Deviation, deviations, type EngineFactory } from './world.js';

interface Flags {
  readonly engine: keyof typeof productionEngines;
  readonly liar: LiarKind;
  readonly budget: number;
  readonly deviations: readonly Deviation[];
}

const flags = new Command('explore')
  .description(
    'Runs four replicas of an ordering engine in every way that differs from the usual run in a few places.',
  )
  .addOption(
    new Option('--engine <name>', 'which engine')
      .choices(Object.keys(productionEngines))
      .default('pbft'),
  )
  .addOption(
    new Option('--liar <kind>', 'what one replica does: two copies with one key, or silence')
      .choices(liarKinds)
      .default('twins'),
  )
  .addOption(
    new Option('--budget <number>', 'deviations in one run at the most')
      .argParser(whole)
      .default(1),
  )
  .addOption(
    new Option('--deviations <kinds...>', 'which of them').choices(deviations).default(deviations),
  )
  .addHelpText(
    'after',
    `
Each deviation more takes about two hundred times as long: one takes seconds, two take minutes, three hours.
A rule that is broken makes the exit status 1, a wrong command line 2.

Examples:
  npm run explore -- --engine pbft --budget 1
  npm run explore -- --engine antipaxos --liar none --budget 2 --deviations late lost`,
  )
  // As with benchmarks and the command: 1 is a rule that is broken.
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Flags>();

const factory = productionEngines[flags.engine];
const engine: EngineFactory = (options, machine) =>
  factory({ ...options, exclusion: 'S1', timeoutMaxMs: 1000 }, machine);
const startMs = performance.now();
let runs = 0;
try {
  const result = exploreEngine({
    ...flags,
    engine,
    onRun: () => {
      runs += 1;
      if (runs % 5000 === 0) process.stderr.write(`${runs} runs, ${seconds()} s\n`);
    },
  });
  console.log(
    `${flags.engine}, liar: ${flags.liar}, budget ${flags.budget}: ${result.runs} runs without a violation, ` +
      `${result.cut} of them left where another had come before; ${seconds()} s`,
  );
} catch (error) {
  if (!(error instanceof Broken)) throw error;
  console.error(`run ${runs}: ${error.message}`);
  process.exitCode = 1;
}

function seconds(): string {
  return ((performance.now() - startMs) / 1000).toFixed(0);
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('Write a whole number, 0 or more.');
  }
  return value;
}
