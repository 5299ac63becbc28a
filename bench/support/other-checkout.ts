import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { usageError } from '../../src/cli/exit.js';
import { BenchmarkError } from '../benchmark.js';

/** Throws a usage error where `--compare` names a directory twice, or one that is no checkout of this project. */
export async function requireCheckouts(directories: readonly string[]): Promise<void> {
  const paths = directories.map((directory) => resolve(directory));
  const twice = directories.find((_, index) => paths.indexOf(paths[index] ?? '') !== index);
  if (twice !== undefined) throw usageError(`--compare names ${twice} twice`);
  for (const directory of directories) await requireCheckout(directory);
}

async function requireCheckout(directory: string): Promise<void> {
  if (!existsSync(directory)) {
    throw usageError(`--compare ${directory}: there is no such directory; name a checkout`);
  }
  const text = await readFile(join(directory, 'package.json'), 'utf8').catch(() => '');
  if (!text.includes('"name": "concordat"')) {
    throw usageError(`--compare ${directory}: this is no checkout of this project`);
  }
}

/** Loads what another checkout has built. Throws `BenchmarkError` where it has not. */
export async function importFrom(directory: string, path: string): Promise<unknown> {
  const file = resolve(directory, path);
  const url = pathToFileURL(file).href;
  return import(url).catch((cause: unknown) => {
    throw new BenchmarkError(
      `${file} cannot be loaded: ${String(cause)}\n` +
        `In ${directory}, run "npm install && npm run build" first.`,
    );
  });
}
