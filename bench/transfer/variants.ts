import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { usageError } from '../../src/cli/exit.js';
import { type Binding, bindings } from '../../src/kernel/cluster.js';
import { BenchmarkError } from '../benchmark.js';
import { System, type SystemName, type SystemOptions, systemNames } from './system.js';

type Sizes = Pick<SystemOptions, 'banks' | 'lanes' | 'onDied' | 'signal'>;

/** One of the systems that are compared. */
export interface Variant {
  /** `bft compact`: the system and its binding; or the directory of another checkout. */
  readonly name: string;
  start(sizes: Sizes): Promise<System>;
}

/** Both systems of this checkout with each binding. */
export function ownVariants(): Variant[] {
  return systemNames.flatMap((name) => bindings.map((binding) => ownVariant(name, binding)));
}

function ownVariant(name: SystemName, binding: Binding): Variant {
  return {
    name: `${name} ${binding}`,
    start: (sizes) => System.start({ ...sizes, name, binding }),
  };
}

/**
 * The replicated systems of other checkouts, which must be built: their own nodes, and their own clients in this process.
 * Throws a usage error where a directory is named twice or is no checkout, `BenchmarkError` where one is not built.
 */
export async function otherVariants(directories: readonly string[]): Promise<Variant[]> {
  const paths = directories.map((directory) => resolve(directory));
  const twice = directories.find((_, index) => paths.indexOf(paths[index] ?? '') !== index);
  if (twice !== undefined) throw usageError(`--compare names ${twice} twice`);
  for (const directory of directories) await requireCheckout(directory);
  return Promise.all(directories.map(otherVariant));
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

async function otherVariant(directory: string): Promise<Variant> {
  const file = resolve(directory, 'dist/bench/transfer/system.js');
  const url = pathToFileURL(file).href;
  const other: unknown = await import(url).catch((cause: unknown) => {
    throw new BenchmarkError(
      `${file} cannot be loaded: ${String(cause)}\n` +
        `In ${directory}, run "npm install && npm run build" first.`,
    );
  });
  if (!isSystemModule(other)) throw new BenchmarkError(`${file} exports no System to start`);
  return { name: directory, start: (sizes) => other.System.start({ ...sizes, name: 'bft' }) };
}

/** A `System` before there were bindings takes none. */
interface SystemModule {
  readonly System: { start(options: Sizes & { readonly name: 'bft' }): Promise<System> };
}

function isSystemModule(module: unknown): module is SystemModule {
  if (typeof module !== 'object' || module === null || !('System' in module)) return false;
  const { System: other } = module;
  return typeof other === 'function' && 'start' in other && typeof other.start === 'function';
}
