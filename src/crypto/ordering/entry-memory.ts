import { LRUCache } from 'lru-cache';
import type { Cycle, ReportEntry } from '../../vocabulary/ordering.js';
import { limits } from '../../wire/index.js';
import type { Keyring } from '../keyring.js';

/** Some pipelines of the largest cluster; about 3 MB when full. */
const REMEMBERED = 16_384;

interface Known {
  readonly cycle: Cycle;
  readonly index: number;
  readonly entry: ReportEntry;
}

/**
 * The last entry of each process in each cycle that was found to be signed by it. Every report repeats
 * all entries, so a cycle has `n` times `n` of them, and hashing their bytes anew is what would decide.
 */
class EntryMemory {
  readonly #entries = new LRUCache<number, Known>({ max: REMEMBERED });

  has(cycle: Cycle, index: number, { digest, signature }: ReportEntry): boolean {
    const known = this.#entries.get(keyOf(cycle, index));
    return (
      known?.cycle === cycle &&
      known.index === index &&
      known.entry.digest === digest &&
      Buffer.compare(known.entry.signature, signature) === 0
    );
  }

  add(cycle: Cycle, index: number, entry: ReportEntry): void {
    this.#entries.set(keyOf(cycle, index), { cycle, index, entry });
  }
}

const memories = new WeakMap<Keyring, EntryMemory>();

/** What was verified by these keys. */
export function entryMemory(keyring: Keyring): EntryMemory {
  const known = memories.get(keyring);
  if (known) return known;
  const memory = new EntryMemory();
  memories.set(keyring, memory);
  return memory;
}

/** Not exact for the largest cycles, so what is found is compared. */
function keyOf(cycle: Cycle, index: number): number {
  return cycle * limits.replicas + index;
}
