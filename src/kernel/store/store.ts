import { randomBytes } from 'node:crypto';
import { access, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { StoredRecord, StoreWrite } from '../core.js';
import { costs } from '../costs.js';
import { headKey, type ReadStore, StoreLedger, type Unreadable } from './ledger.js';
import { damaged, Mark, type MarkContent, markPath, StoreError, StoreFormatError } from './mark.js';

export type Inspected =
  /** Nothing has been written yet. */
  { readonly kind: 'new' } | ({ readonly kind: 'sound' } & ReadStore) | Unreadable;

/** Compares all that is stored with what the head in it and the mark beside it say. */
export function inspect(
  stored: readonly StoredRecord[],
  mark: MarkContent | 'missing' | 'damaged',
): Inspected {
  if (stored.length === 0 && mark === 'missing') return { kind: 'new' };
  const read = StoreLedger.read(stored);
  if (!read.ok) return read.error;
  const what = disagreement(read.value.ledger, mark);
  if (what !== undefined) return { kind: 'damaged', damages: [{ key: headKey, what }] };
  return { kind: 'sound', ...read.value };
}

function disagreement(
  { id, sequence }: StoreLedger,
  mark: MarkContent | 'missing' | 'damaged',
): string | undefined {
  if (mark === 'damaged') return 'the mark beside the store cannot be read';
  // A process may end between the first batch and the mark.
  if (mark === 'missing') return sequence > 1 ? 'the mark beside the store is missing' : undefined;
  if (mark.id !== id) return 'the mark beside the store is of another store';
  const lost = mark.sequence - sequence;
  return lost > 0 ? `the newest ${lost} batches are missing, or it is an older copy` : undefined;
}

/** A node's durable state: an ordered map from keys to bytes, owned by one process. */
export interface Store {
  /**
   * All records whose key starts with the prefix, in the order of their keys. Rejects with
   * `StoreDamagedError` where one of them is not what was written last.
   */
  load(prefix?: string): Promise<StoredRecord[]>;
  /**
   * All writes or none, in their order; resolves once they are on disk.
   * After a rejection it is open what a restart will find, so the caller must not go on.
   */
  write(writes: readonly StoreWrite[]): Promise<void>;
  /** Waits for writes under way, and lets go of the lock. */
  close(): Promise<void>;
}

export type Level = ClassicLevel<string, Uint8Array>;

/**
 * Opens the store in a directory, which is made if missing, locks it, and checks all of it. Throws
 * `StoreError` where another process has the lock or the directory cannot be used, `StoreFormatError` where a
 * later version wrote it, and `StoreDamagedError` where it is not what was written.
 *
 * @example
 * ```ts
 * import { openStore } from 'concordat/ordering';
 *
 * const store = await openStore('data/ordering');
 * await store.write([{ key: 'position', value: new TextEncoder().encode('7') }]);
 * console.log(await store.load('position'));
 * await store.close();
 * ```
 */
export async function openStore(directory: string): Promise<Store> {
  return openMarked(directory, await Mark.read(directory));
}

/** The same, but makes no store: throws `StoreDamagedError` where it or the mark beside it is gone. */
export async function openExistingStore(directory: string): Promise<Store> {
  const mark = await Mark.read(directory);
  if (mark === 'missing') {
    const what = `the store has vanished: there is no ${markPath(directory)}`;
    throw damaged(directory, [{ key: headKey, what }]);
  }
  return openMarked(directory, mark);
}

/**
 * Makes an empty store. Throws `StoreError` where there is one, or what is left of one.
 *
 * @example
 * ```ts
 * import { createStore } from 'concordat/ordering';
 *
 * await createStore('data/ordering');
 * ```
 */
export async function createStore(directory: string): Promise<void> {
  if ((await Mark.read(directory)) !== 'missing' || (await exists(directory))) {
    const message = `${directory} or its mark exists already; move both away first`;
    throw new StoreError('exists', message, { directory });
  }
  await mkdir(dirname(directory), { recursive: true, mode: 0o700 });
  await (await openStore(directory)).close();
}

async function openMarked(
  directory: string,
  mark: Awaited<ReturnType<typeof Mark.read>>,
): Promise<Store> {
  if (mark !== 'missing') await refuseVanished(directory);
  const db = await openLevel(directory, true);
  try {
    const inspected = inspect(await readAll(directory, db), mark);
    if (inspected.kind === 'damaged') throw damaged(directory, inspected.damages);
    if (inspected.kind === 'newer') throw new StoreFormatError(directory, inspected.format);
    const ledger =
      inspected.kind === 'new'
        ? StoreLedger.empty(randomBytes(16).toString('hex'))
        : inspected.ledger;
    // The first batch of a new store is its head alone.
    if (inspected.kind === 'new') await putBatch(db, ledger.seal([]));
    return new LevelStore(directory, db, ledger, await Mark.open(directory, ledger));
  } catch (error) {
    await db.close();
    throw error;
  }
}

/** Opens and locks the database in a directory. */
export async function openLevel(directory: string, createIfMissing: boolean): Promise<Level> {
  const db: Level = new ClassicLevel<string, Uint8Array>(directory, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    createIfMissing,
  });
  try {
    await db.open();
  } catch (error) {
    throw explained(directory, error);
  }
  return db;
}

/** All records as they are stored. */
export async function readAll(directory: string, db: Level): Promise<StoredRecord[]> {
  const stored: StoredRecord[] = [];
  for await (const record of entries(directory, db)) stored.push(record);
  return stored;
}

/** Records as they are stored, from this key on. Throws `StoreError` where they cannot be read. */
async function* entries(directory: string, db: Level, from = ''): AsyncGenerator<StoredRecord> {
  try {
    for await (const [key, value] of db.iterator({ gte: from })) yield { key, value };
  } catch (error) {
    throw explained(directory, error);
  }
}

/** LevelDB would make a new database where the file that names the current one is gone. */
export async function refuseVanished(directory: string): Promise<void> {
  if (await exists(join(directory, 'CURRENT'))) return;
  const what = `the store has vanished; ${markPath(directory)} says that there was one`;
  throw damaged(directory, [{ key: headKey, what }]);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

class LevelStore implements Store {
  readonly #directory: string;
  readonly #db: Level;
  readonly #ledger: StoreLedger;
  readonly #mark: Mark;
  /** Batches reach the disk one after the other, as the ledger has sealed them; reads see no half. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(directory: string, db: Level, ledger: StoreLedger, mark: Mark) {
    this.#directory = directory;
    this.#db = db;
    this.#ledger = ledger;
    this.#mark = mark;
  }

  load(prefix = ''): Promise<StoredRecord[]> {
    return this.#inTurn(async () => {
      const records: StoredRecord[] = [];
      for await (const { key, value: stored } of entries(this.#directory, this.#db, prefix)) {
        if (key === headKey) continue;
        // Keys that share a prefix are neighbours.
        if (!key.startsWith(prefix)) break;
        const opened = this.#ledger.open(key, stored);
        if (!opened.ok) throw damaged(this.#directory, [opened.error]);
        records.push({ key, value: opened.value });
      }
      if (this.#ledger.has(prefix) && records[0]?.key !== prefix) {
        throw damaged(this.#directory, [{ key: prefix, what: 'the record is missing' }]);
      }
      return records;
    });
  }

  write(writes: readonly StoreWrite[]): Promise<void> {
    return this.#inTurn(async () => {
      await putBatch(this.#db, this.#ledger.seal(writes));
      await this.#mark.write(this.#ledger);
    });
  }

  /** After a rejection everything later is rejected, too: the ledger and the disk differ. */
  #inTurn<Given>(step: () => Promise<Given>): Promise<Given> {
    const given = this.#last.then(step);
    this.#last = given;
    return given;
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {});
    try {
      await this.#mark.close();
    } finally {
      await this.#db.close();
    }
  }
}

async function putBatch(db: Level, writes: readonly StoreWrite[]): Promise<void> {
  costs.writes += 1;
  await db.batch(
    writes.map(({ key, value }) =>
      value === null ? { type: 'del', key } : { type: 'put', key, value },
    ),
    { sync: true },
  );
}

function explained(directory: string, error: unknown): StoreError {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (code === 'LEVEL_LOCKED') {
    const remedy = 'stop it first, or give this node its own dataDir';
    const used = `another process uses ${directory}; ${remedy}`;
    return new StoreError('in-use', used, { directory }, { cause: error });
  }
  if (code === 'LEVEL_CORRUPTION') return damaged(directory, [{ key: headKey, what: message }]);
  const what = `cannot open the store in ${directory}: ${message}`;
  return new StoreError('unusable', what, { directory }, { cause: error });
}
