import { BenchmarkError } from '../../benchmark.js';
import { type EngineName, engineNames } from '../../simulated/cluster.js';
import { importFrom, requireCheckouts } from '../../support/other-checkout.js';
import { Group, type GroupSettings } from './group.js';

/** Replicas and clients that can be put under load: a `Group` of this checkout, or of another. */
export type LoadedGroup = Pick<
  Group,
  'engine' | 'load' | 'quiet' | 'begin' | 'end' | 'processorTimes' | 'agreedState' | 'stop'
>;

/** One of those that are measured in turn. */
export interface Contender {
  /** The engine, and the directory where it is of another checkout. */
  readonly name: string;
  readonly engine: EngineName;
  /** Whether it is of another checkout. */
  readonly isOther: boolean;
  start(settings: GroupSettings, onDied: (error: Error) => void): Promise<LoadedGroup>;
}

export function ownContenders(): Contender[] {
  return engineNames.map((engine) => ({
    name: engine,
    engine,
    isOther: false,
    start: (settings, onDied) => Group.start(engine, settings, onDied),
  }));
}

/**
 * The engines of another checkout, which must be built: its own replicas, and its own clients. Throws a usage error where
 * the directory is no checkout, `BenchmarkError` where it is not built.
 */
export async function otherContenders(directory: string): Promise<Contender[]> {
  await requireCheckouts([directory]);
  const { Group: other } = groupModule(
    directory,
    await importFrom(directory, 'dist/bench/ordering/processes/group.js'),
  );
  const engines = enginesOf(await importFrom(directory, 'dist/bench/simulated/cluster.js'));
  return engineNames
    .filter((engine) => engines.includes(engine))
    .map((engine) => ({
      name: `${engine} of ${directory}`,
      engine,
      isOther: true,
      start: ({ depth }, onDied) => other.start(engine, { depth }, onDied),
    }));
}

interface GroupModule {
  readonly Group: {
    start(
      engine: EngineName,
      settings: { readonly depth: number },
      onDied: (error: Error) => void,
    ): Promise<LoadedGroup>;
  };
}

function groupModule(directory: string, loaded: unknown): GroupModule {
  if (!isGroupModule(loaded)) throw new BenchmarkError(`${directory} exports no Group to start`);
  return loaded;
}

function isGroupModule(loaded: unknown): loaded is GroupModule {
  if (typeof loaded !== 'object' || loaded === null || !('Group' in loaded)) return false;
  const { Group: other } = loaded;
  return typeof other === 'function' && 'start' in other && typeof other.start === 'function';
}

function enginesOf(loaded: unknown): readonly unknown[] {
  if (typeof loaded !== 'object' || loaded === null || !('engineNames' in loaded)) return [];
  return Array.isArray(loaded.engineNames) ? loaded.engineNames : [];
}
