import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoredRecord } from '../core.js';
import { type Damage, headKey, StoreLedger } from './ledger.js';
import { Mark, StoreDamagedError, StoreFormatError } from './mark.js';
import { inspect, openLevel, readAll, refuseVanished } from './store.js';

/** What a check found in the store of a node that does not run. */
export interface StoreReport {
  readonly directory: string;
  /** How many records there are of each kind: keys up to their first `/`. */
  readonly records: Readonly<Record<string, number>>;
  readonly damages: readonly Damage[];
  /** Of what is stored; `undefined` where the head cannot be read. */
  readonly format: number | undefined;
}

/** The stores in a directory: itself, or those of a node's `dataDir`, vanished ones included. */
export async function storesIn(directory: string): Promise<string[]> {
  if (await isStore(directory)) return [directory];
  const inside = ['store', 'sessions', 'requests'].map((name) => join(directory, name));
  const found = await Promise.all(inside.map(isStore));
  return inside.filter((_, index) => found[index]);
}

async function isStore(directory: string): Promise<boolean> {
  if ((await Mark.read(directory)) !== 'missing') return true;
  return access(join(directory, 'CURRENT')).then(
    () => true,
    () => false,
  );
}

/**
 * Checks all that is in a store, and writes no record. Throws `StoreError` where a process uses the
 * store, or it cannot be read at all for a reason other than damage, such as a newer format.
 */
export async function checkStore(directory: string): Promise<StoreReport> {
  try {
    const mark = await Mark.read(directory);
    await refuseVanished(directory);
    const db = await openLevel(directory, false);
    try {
      const stored = await readAll(directory, db);
      const inspected = inspect(stored, mark);
      if (inspected.kind === 'newer') throw new StoreFormatError(directory, inspected.format);
      const damages = inspected.kind === 'damaged' ? inspected.damages : [];
      return { directory, records: perKind(stored), damages, format: StoreLedger.formatOf(stored) };
    } finally {
      await db.close();
    }
  } catch (error) {
    if (!(error instanceof StoreDamagedError)) throw error;
    return { directory, records: {}, damages: error.data.damages, format: undefined };
  }
}

function perKind(stored: readonly StoredRecord[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { key } of stored) {
    if (key === headKey) continue;
    const [kind = ''] = key.split('/');
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}
