import { Command, Option } from 'commander';
import { wholeNumberArgument } from '../../src/cli/arguments.js';
import { type Model, type ModelName, models, stepsMax } from './models.js';
import { sample } from './quint.js';

const numberMax = Number.MAX_SAFE_INTEGER;

interface Flags {
  readonly engine: ModelName | 'all';
  readonly samples: number;
  readonly traces: number;
  readonly seed: number;
}

const flags = new Command('model')
  .description('Draws runs of the engines’ models, and replays some of them at production cores.')
  .addOption(
    new Option('--engine <name>', 'of which engine')
      .choices(['all', ...Object.keys(models)])
      .default('all'),
  )
  .addOption(
    new Option('--samples <n>', 'runs of each model')
      .argParser(wholeNumberArgument(1, numberMax))
      .default(2000),
  )
  .addOption(
    new Option('--traces <n>', 'runs to replay')
      .argParser(wholeNumberArgument(1, numberMax))
      .default(200),
  )
  .addOption(
    new Option('--seed <n>', 'of the first run')
      .argParser(wholeNumberArgument(0, numberMax))
      .default(1),
  )
  .addHelpText(
    'after',
    `
A rule that is broken, a run that the cores do not follow, or a published rule of which no run shows what it breaks makes
the exit status 1, a wrong command line 2. Progress goes to standard error.

Examples:
  npm run model -- --engine fab --samples 5000
  npm run model -- --engine pbft --seed 7`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Flags>();

for (const [name, model] of Object.entries(models)) {
  if (flags.engine === 'all' || flags.engine === name) await check(name, model);
}

async function check(name: string, { witnesses, published, replay }: Model): Promise<void> {
  const { samples, seed } = flags;
  const traces = Math.min(flags.traces, samples);
  const sampling = { samples, seed, steps: stepsMax };
  const startMs = performance.now();
  tell(`${name}: draws ${samples} runs (2000 may take minutes), and replays ${traces} of them`);
  const ours = await sample(name, witnesses, { ...sampling, module: 'ours', traces });
  const seen = [...ours.witnessed].map(([what, count]) => `${what} in ${count}`).join(', ');
  if (ours.isViolated) fail(`${name}: a rule is broken\n${JSON.stringify(lasts(ours.traces[0]))}`);
  else console.log(`${name}: ${samples} runs without a violation (${seen})`);
  let replayed = 0;
  for (const trace of ours.isViolated ? [] : ours.traces) {
    try {
      replay(trace);
      replayed += 1;
    } catch (error) {
      fail(`${name}: the cores do not follow\n${error}\n${JSON.stringify(lasts(trace))}`);
      break;
    }
  }
  console.log(`${name}: the cores followed ${replayed} of ${ours.traces.length} runs`);
  for (const { module, rule } of published) {
    tell(`${name}, ${module}: draws up to ${samples} runs, until one breaks`);
    const broken = await sample(name, [], { ...sampling, module });
    if (broken.isViolated) console.log(`${name}, ${module}: breaks, as expected (${rule})`);
    else
      fail(
        `${name}, ${module}: none of ${samples} runs shows what it breaks; draw more, with --samples`,
      );
  }
  tell(`${name}: done in ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
}

/** Progress, on standard error: results alone are on standard output. */
function tell(what: string): void {
  console.error(what);
}

function lasts(trace: readonly Readonly<Record<string, unknown>>[] = []): readonly unknown[] {
  return trace.map(({ last }) => last);
}

function fail(what: string): void {
  console.error(what);
  process.exitCode = 1;
}
