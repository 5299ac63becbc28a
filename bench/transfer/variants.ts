import { type Binding, bindings } from '../../src/kernel/cluster.js';
import { BenchmarkError } from '../benchmark.js';
import { importFrom, requireCheckouts } from '../support/other-checkout.js';
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
  await requireCheckouts(directories);
  return Promise.all(directories.map(otherVariant));
}

async function otherVariant(directory: string): Promise<Variant> {
  const other = await importFrom(directory, 'dist/bench/transfer/system.js');
  if (!isSystemModule(other)) throw new BenchmarkError(`${directory} exports no System to start`);
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
