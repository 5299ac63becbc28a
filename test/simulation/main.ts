import { Command, InvalidArgumentError, Option } from 'commander';
import { runOne, runSeeds, shrinkOne } from './cli.js';
import { allScenarios, type Choice } from './run/families.js';

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

const program = new Command('sim')
  .description('Attacks the whole system in virtual time, and checks what it promises.')
  .addOption(new Option('--seed <number>', 'one run, with its transcript').argParser(whole))
  .addOption(new Option('--seeds <range>', 'many runs, as in 1..2000').argParser(range))
  .addOption(
    new Option('--scenario <name>', 'what seeds are drawn from')
      .choices(allScenarios)
      .default('swarm'),
  )
  .addOption(
    new Option(
      '--engine <name>',
      'of `ordering` and `sessions`; drawn by the seed if not given',
    ).choices(['antipaxos', 'ezbft', 'fab', 'pbft']),
  )
  .addOption(new Option('--steps <number>', 'stop the run after so many events').argParser(whole))
  .option('--plan <json>', 'run this plan instead of a seed’s')
  .option('--shrink', 'look for a smaller plan that fails like this run')
  .option('--quiet', 'no transcript')
  .addOption(new Option('--workers <number>', 'threads').argParser(whole).default(2));

const flags = program.parse().opts<Flags>();
const { scenario, engine } = flags;
const choice: Choice = { scenario, ...(engine ? { engine } : {}) };
if (flags.seeds) {
  const [from, to] = flags.seeds;
  process.exitCode = await runSeeds({ from, to, choice, workers: flags.workers });
} else if (flags.seed !== undefined || flags.plan !== undefined) {
  const one = { ...flags, choice };
  process.exitCode = flags.shrink ? shrinkOne(one) : runOne(one);
} else program.help();

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number');
  return value;
}

function range(text: string): readonly [number, number] {
  const [from, to] = text.split('..').map(whole);
  if (from === undefined || to === undefined || to < from) {
    throw new InvalidArgumentError('two seeds, as in 1..2000');
  }
  return [from, to];
}
