import { ClassicLevel } from 'classic-level';
import type { StoredRecord } from '../../core/effects.js';

/** A key and its new value; `null` deletes the key. */
export interface StoreWrite {
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** A node's durable state: an ordered map from keys to bytes, owned by one process. */
export interface Store {
  /** All records whose key starts with the prefix, in the order of their keys. */
  load(prefix?: string): Promise<StoredRecord[]>;
  /**
   * All writes or none, in their order; resolves once they are on disk.
   * After a rejection it is open what a restart will find, so the caller must not go on.
   */
  write(writes: readonly StoreWrite[]): Promise<void>;
  /** Waits for writes under way, and lets go of the lock. */
  close(): Promise<void>;
}

/** The store cannot be opened. The message says what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/**
 * Opens the store in a directory, which is made if missing, and locks it.
 * Throws `StoreError` where another process has the lock or the directory cannot be used.
 */
export async function openStore(directory: string): Promise<Store> {
  const db = new ClassicLevel<string, Uint8Array>(directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
  });
  try {
    await db.open();
  } catch (error) {
    throw explained(directory, error);
  }
  return new LevelStore(db);
}

class LevelStore implements Store {
  readonly #db: ClassicLevel<string, Uint8Array>;

  constructor(db: ClassicLevel<string, Uint8Array>) {
    this.#db = db;
  }

  async load(prefix = ''): Promise<StoredRecord[]> {
    const records: StoredRecord[] = [];
    for await (const [key, value] of this.#db.iterator({ gte: prefix })) {
      // Keys that share a prefix are neighbours.
      if (!key.startsWith(prefix)) break;
      records.push({ key, value });
    }
    return records;
  }

  async write(writes: readonly StoreWrite[]): Promise<void> {
    await this.#db.batch(
      writes.map(({ key, value }) =>
        value === null ? { type: 'del', key } : { type: 'put', key, value },
      ),
      { sync: true },
    );
  }

  async close(): Promise<void> {
    await this.#db.close();
  }
}

function explained(directory: string, error: unknown): StoreError {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const message =
    code === 'LEVEL_LOCKED'
      ? `another process uses ${directory}; stop it first, or give this node its own dataDir`
      : `cannot open the store in ${directory}: ${cause instanceof Error ? cause.message : cause}`;
  return new StoreError(message, { cause: error });
}
