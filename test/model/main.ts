import { Command, InvalidArgumentError, Option } from 'commander';
import { type Model, type ModelName, models, stepsMax } from './models.js';
import { sample } from './quint.js';

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
  .addOption(new Option('--samples <n>', 'runs of each model').argParser(whole).default(2000))
  .addOption(new Option('--traces <n>', 'runs to replay').argParser(whole).default(200))
  .addOption(new Option('--seed <n>', 'of the first run').argParser(whole).default(1))
  .addHelpText(
    'after',
    `
A rule that is broken, a run that the cores do not follow, or a published rule of which no run shows what it breaks makes
the exit status 1, a wrong command line 2.

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
  const ours = await sample(name, witnesses, { ...sampling, module: 'ours', traces });
  const seen = [...ours.witnessed].map(([what, count]) => `${what} in ${count}`).join(', ');
  if (ours.isViolated) fail(`${name}: a rule is broken\n${JSON.stringify(lasts(ours.traces[0]))}`);
  else console.log(`${name}: ${samples} runs without a violation (${seen})`);
  for (const trace of ours.isViolated ? [] : ours.traces) {
    try {
      replay(trace);
    } catch (error) {
      fail(`${name}: the cores do not follow\n${error}\n${JSON.stringify(lasts(trace))}`);
      break;
    }
  }
  for (const { module, rule } of published) {
    const broken = await sample(name, [], { ...sampling, module });
    if (broken.isViolated) console.log(`${name}, ${module}: breaks, as expected (${rule})`);
    else fail(`${name}, ${module}: no run shows what it breaks`);
  }
}

function lasts(trace: readonly Readonly<Record<string, unknown>>[] = []): readonly unknown[] {
  return trace.map(({ last }) => last);
}

function fail(what: string): void {
  console.error(what);
  process.exitCode = 1;
}

function whole(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('Write a whole number, 0 or more.');
  }
  return value;
}
