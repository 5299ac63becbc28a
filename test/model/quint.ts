import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../interop/programs.js';
import { decodeTrace, type Trace } from './itf.js';

/** Of this package, in TypeScript: the other backend of `quint run` is a binary that it would fetch. */
const quint = join(projectRoot, 'node_modules/@informalsystems/quint/dist/src/cli.js');

export interface Sampling {
  /** Which module of the model: the rules as they are, or published ones. */
  readonly module: string;
  readonly samples: number;
  readonly steps: number;
  readonly seed: number;
  /** How many of the runs to hand back. */
  readonly traces?: number;
}

export interface Sampled {
  /** Whether a run broke an invariant: the first such run ends the sampling. */
  readonly isViolated: boolean;
  /** In how many runs each witness was seen. */
  readonly witnessed: ReadonlyMap<string, number>;
  /** The run that broke it; else as many as were asked for. */
  readonly traces: readonly Trace[];
}

/** Draws runs of a model at random, from a seed, and looks at its invariant `safe` after each step. */
export async function sample(
  model: string,
  witnesses: readonly string[],
  { module, samples, steps, seed, traces = 1 }: Sampling,
): Promise<Sampled> {
  const folder = await mkdtemp(join(tmpdir(), 'concordat-model-'));
  try {
    const output = await run([
      'run',
      join(projectRoot, 'test/model', `${model}.qnt`),
      '--backend=typescript',
      `--main=${module}`,
      '--invariant=safe',
      '--verbosity=1',
      `--max-samples=${samples}`,
      `--max-steps=${steps}`,
      `--seed=${seed}`,
      `--n-traces=${traces}`,
      `--out-itf=${join(folder, '{seq}.itf.json')}`,
      ...(witnesses.length > 0 ? ['--witnesses', ...witnesses] : []),
    ]);
    const isViolated = output.includes('[violation]');
    if (!isViolated && !output.includes('[ok]')) throw new Error(`quint: ${output}`);
    return { isViolated, witnessed: witnessedIn(output), traces: await tracesIn(folder) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function witnessedIn(output: string): Map<string, number> {
  const lines = output.matchAll(/(\w+) was witnessed in (\d+) trace/g);
  return new Map([...lines].map(([, name = '', count]) => [name, Number(count)]));
}

async function tracesIn(folder: string): Promise<Trace[]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(
    names.map(async (name) => decodeTrace(await readFile(join(folder, name), 'utf8'))),
  );
}

/** Its exit status is 1 where an invariant is violated, too. */
function run(flags: readonly string[]): Promise<string> {
  return new Promise((done) => {
    execFile(
      process.execPath,
      [quint, ...flags],
      { maxBuffer: 16 * 1024 * 1024 },
      (_, stdout, stderr) => done(stdout + stderr),
    );
  });
}
