import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { runOne, runSeeds, shrinkOne } from './cli.js';
import { allScenarios, type Choice, type Course, drawCourse, readCourse } from './run/families.js';

interface Flags {
  readonly seed?: number;
  readonly seeds?: readonly [number, number];
  readonly scenario: Choice['scenario'];
  readonly engine?: 'antipaxos' | 'ezbft' | 'fab' | 'pbft';
  readonly steps?: number;
  readonly plan?: string;
  readonly shrink?: true;
  readonly quiet?: true;
  readonly workers: number;
}

const workersMax = 256;
const whole = wholeNumberArgument(0, Number.MAX_SAFE_INTEGER);

const program: Command = new Command('sim')
  .description('Attacks the whole system in virtual time, and checks what it promises.')
  .addOption(
    new Option('--seed <number>', 'one run, with its transcript')
      .argParser(whole)
      .conflicts(['seeds', 'plan']),
  )
  .addOption(
    new Option('--seeds <range>', 'many runs, as in 1..2000')
      .argParser(range)
      .conflicts(['plan', 'steps', 'shrink', 'quiet']),
  )
  .addOption(
    new Option('--scenario <name>', 'what seeds are drawn from')
      .choices(allScenarios)
      .default('swarm'),
  )
  .addOption(
    new Option(
      '--engine <name>',
      'of `ordering`, and all but ezbft of `sessions`; if not given, a seed draws antipaxos or, less often, pbft',
    )
      .choices(['antipaxos', 'ezbft', 'fab', 'pbft'])
      .conflicts('plan'),
  )
  .addOption(new Option('--steps <number>', 'stop the run after so many events').argParser(whole))
  .option('--plan <json>', 'run this plan instead of a seed’s')
  .option('--shrink', 'look for a smaller plan that fails like this run')
  .option('--quiet', 'no transcript')
  .addOption(
    new Option('--workers <number>', 'threads of --seeds')
      .argParser(wholeNumberArgument(1, workersMax))
      .default(2),
  )
  .addHelpText(
    'after',
    `
A violation makes the exit status 1, a wrong command line 2.

Examples:
  npm run sim -- --seeds 1..2000
  npm run sim -- --scenario ordering --engine fab --seed 7 --shrink`,
  )
  // As with exploration: 1 is a rule that is broken.
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

const flags = program.parse().opts<Flags>();
const { scenario, engine, seed, seeds, plan } = flags;
const choice: Choice = { scenario, ...(engine ? { engine } : {}) };
if (engine && scenario !== 'ordering' && scenario !== 'sessions') {
  program.error(
    `error: --engine is of --scenario ordering or sessions: ${scenario} has no ordering engine`,
  );
}
if (engine === 'ezbft' && scenario === 'sessions') {
  program.error('error: sessions do not run on ezbft');
}
if (seeds) {
  const [from, to] = seeds;
  process.exitCode = await runSeeds({ from, to, choice, workers: flags.workers });
} else {
  const one = { ...flags, choice, course: courseOf() };
  process.exitCode = flags.shrink ? shrinkOne(one) : runOne(one);
}

function courseOf(): Course {
  if (seed !== undefined) return drawCourse(choice, seed);
  if (plan === undefined) {
    program.error(
      'error: which runs? Name one of --seed, --seeds and --plan (--help has examples)',
    );
  }
  try {
    return readCourse(choice, plan);
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    program.error(`error: --plan is no plan of --scenario ${scenario}: ${why}`);
  }
}

function range(text: string): readonly [number, number] {
  const [, first, last] = /^(\d+)\.\.(\d+)$/.exec(text) ?? [];
  if (first === undefined || last === undefined || whole(last) < whole(first)) {
    throw new InvalidArgumentError('Write two seeds, the smaller first, as in 1..2000.');
  }
  return [whole(first), whole(last)];
}
