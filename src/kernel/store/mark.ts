import { hash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConcordatError } from '../error.js';
import { type Damage, storeFormat } from './ledger.js';

/**
 * The store cannot be opened. The message says what to do.
 *
 * @example
 * ```ts
 * import { openStore, StoreError } from 'concordat/ordering';
 *
 * const store = await openStore('data/ordering').catch((error: unknown) => {
 *   if (error instanceof StoreError) console.error(`${error.data.directory}: ${error.code}`);
 *   throw error;
 * });
 * await store.close();
 * ```
 */
export class StoreError extends ConcordatError<StoreErrorCode, StoreErrorData> {
  override readonly name: string = 'StoreError';

  constructor(
    readonly code: StoreErrorCode,
    message: string,
    readonly data: StoreErrorData,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * - `in-use`: another process has the store.
 * - `exists`: there is a store already where a new one was to be made.
 * - `unusable`: the directory, or the mark beside it, cannot be used.
 * - `damaged`: the store is not what was written to it.
 * - `newer-format`: a later version of Concordat wrote it.
 */
export type StoreErrorCode = 'in-use' | 'exists' | 'unusable' | 'damaged' | 'newer-format';

/** What a `StoreError` is about. */
export interface StoreErrorData {
  readonly directory: string;
}

/**
 * The store is not what was written to it. No node may start or go on with it.
 *
 * @example
 * ```ts
 * import { openStore, StoreDamagedError } from 'concordat/ordering';
 *
 * const store = await openStore('data/ordering').catch((error: unknown) => {
 *   if (!(error instanceof StoreDamagedError)) throw error;
 *   for (const { key, what } of error.data.damages) console.error(`${key}: ${what}`);
 *   process.exit(1);
 * });
 * await store.close();
 * ```
 */
export class StoreDamagedError extends StoreError {
  override readonly name = 'StoreDamagedError';

  override readonly code = 'damaged';
  override readonly data: StoreErrorData & { readonly damages: readonly Damage[] };

  constructor(message: string, directory: string, damages: readonly Damage[]) {
    super('damaged', message, { directory });
    this.data = { directory, damages };
  }
}

/**
 * A later version of Concordat wrote the store. It is sound, but this version cannot read it.
 *
 * @example
 * ```ts
 * import { openStore, StoreFormatError } from 'concordat/ordering';
 *
 * const store = await openStore('data/ordering').catch((error: unknown) => {
 *   if (error instanceof StoreFormatError) console.error(`it has format ${error.data.format}`);
 *   throw error;
 * });
 * await store.close();
 * ```
 */
export class StoreFormatError extends StoreError {
  override readonly name = 'StoreFormatError';
  override readonly code = 'newer-format';
  override readonly data: StoreErrorData & { readonly format: number };

  constructor(directory: string, format: number) {
    const message =
      `the store in ${directory} has format ${format}; this version of Concordat reads formats up to ` +
      `${storeFormat}. Start the node with a version that reads format ${format}: ` +
      'docs/compatibility.md names the first one. The store is left as it is';
    super('newer-format', message, { directory });
    this.data = { directory, format };
  }
}

/** Damages that a message names; "concordat check" names them all. */
const namedMax = 3;

export function damaged(directory: string, damages: readonly Damage[]): StoreDamagedError {
  const named = damages
    .slice(0, namedMax)
    .map(({ key, what }) => `${JSON.stringify(key)}: ${what}`);
  const more = damages.length > namedMax ? [`and ${damages.length - namedMax} more`] : [];
  const message =
    `the store in ${directory} is damaged (${[...named, ...more].join('; ')}). ` +
    `Treat it as a lost disk: move ${directory} and ${directory}.mark away. A coordinator then ` +
    'starts with an empty store; a bank or a front door must not, and needs its newest backup of both, ' +
    'or, where what it held is gone for good, "concordat new-store" (see "When something fails" in ' +
    'docs/operations.md)';
  return new StoreDamagedError(message, directory, damages);
}

/** Which store lies beside the mark, and how many batches of it were reported as written. */
export interface MarkContent {
  readonly id: string;
  readonly sequence: number;
}

const idBytes = 16;
const checksumBytes = 16;
const slotBytes = idBytes + 8 + checksumBytes;
/** Two slots in sectors of their own, written in turn: one that was being written may be torn. */
const slotDistance = 512;
/** A write in so many is synced; the others are lost only with the power, and then find less. */
const writesPerSync = 256;

export function markPath(directory: string): string {
  return `${directory}.mark`;
}

/**
 * A file beside a store that holds the store's id and sequence, so that a store that vanished, lost its
 * newest batches or is an older copy is found. It is written after each batch and not synced with it:
 * behind the store it is harmless, ahead of it only where the store has lost what was on disk.
 */
export class Mark {
  readonly #file: FileHandle;
  #syncing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** What the mark says; `damaged` where no slot can be read. */
  static async read(directory: string): Promise<MarkContent | 'missing' | 'damaged'> {
    const bytes = await readFile(markPath(directory)).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (bytes === undefined) return 'missing';
    const slots = [0, slotDistance]
      .map((at) => readSlot(bytes.subarray(at, at + slotBytes)))
      .filter((slot) => slot !== undefined)
      .sort((left, right) => right.sequence - left.sequence);
    return slots[0] ?? 'damaged';
  }

  /** Opens the mark, with this content in both slots, on disk. It is replaced as a whole. */
  static async open(directory: string, content: MarkContent): Promise<Mark> {
    const path = markPath(directory);
    const temporary = `${path}.new`;
    const file = await open(temporary, 'w', 0o600);
    const bytes = Buffer.alloc(slotDistance + slotBytes);
    bytes.set(slotOf(content), 0);
    bytes.set(slotOf(content), slotDistance);
    await file.write(bytes, 0, bytes.length, 0);
    await file.sync();
    await rename(temporary, path);
    const parent = await open(dirname(path), 'r');
    await parent.sync().finally(() => parent.close());
    return new Mark(file);
  }

  async write(content: MarkContent): Promise<void> {
    const at = (content.sequence % 2) * slotDistance;
    writeSync(this.#file.fd, slotOf(content), 0, slotBytes, at);
    if (content.sequence % writesPerSync === 0) {
      // Not waited for by the batch; an error comes out at the next one.
      const syncing = this.#syncing;
      this.#syncing = syncing.then(() => this.#file.datasync());
      this.#syncing.catch(() => {});
      await syncing;
    }
  }

  async close(): Promise<void> {
    try {
      await this.#syncing;
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }
}

function slotOf({ id, sequence }: MarkContent): Buffer {
  const slot = Buffer.alloc(slotBytes);
  slot.write(id, 'hex');
  slot.writeBigUInt64BE(BigInt(sequence), idBytes);
  slot.write(checksumOf(slot), idBytes + 8, 'hex');
  return slot;
}

function readSlot(slot: Buffer): MarkContent | undefined {
  if (slot.length !== slotBytes || slot.toString('hex', idBytes + 8) !== checksumOf(slot)) {
    return undefined;
  }
  return {
    id: slot.toString('hex', 0, idBytes),
    sequence: Number(slot.readBigUInt64BE(idBytes)),
  };
}

function checksumOf(slot: Buffer): string {
  return hash('sha256', slot.subarray(0, idBytes + 8), 'hex').slice(0, 2 * checksumBytes);
}
