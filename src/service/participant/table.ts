import {
  type ApplicationVote,
  type ApplicationWrite,
  type EnlistmentRef,
  refKey,
} from '../../transaction/participant/messages.js';
import { type Json, jsonText, parseJson, payloadBytesMax } from '../json.js';
import { KeyLocks } from './key-locks.js';
import { Refusal } from './operations.js';
import type { LeftWork, Resource } from './resource.js';

/** What a value of a table may have, as JSON text. */
export const tableValueBytesMax = payloadBytesMax;
/** Rows of one table. */
export const tableRowsMax = 100_000;
/** Keys that one call may read and write. */
export const tableKeysOfCallMax = 256;
/** What one call may write, keys and JSON texts together. */
export const tableBytesOfCallMax = 256 * 1024;
const keyLengthMax = 200;
const rowPrefix = 'row/';

/**
 * What a call works with: a table's rows, as they are with what the call itself has written. A key that it reads or
 * writes is locked until its transaction ends; another call waits for it, as long as its own time lasts.
 */
export interface TableWork {
  get(key: string): Promise<Json | undefined>;
  set(key: string, value: Json): Promise<void>;
  delete(key: string): Promise<void>;
}

interface Open {
  /** Keys that it has asked for; some of them it may still wait for. */
  readonly asked: Set<string>;
  readonly locked: Set<string>;
  /** By key, JSON text; null deletes. */
  readonly writes: Map<string, string | null>;
  isPrepared: boolean;
  /** Rows that it adds, once it is prepared. */
  added: number;
}

interface TableRecord {
  readonly locked: readonly string[];
  readonly writes: readonly (readonly [string, string | null])[];
}

/**
 * A table of JSON values in the participant's own store: what a participant keeps its data in unless it has a database.
 * All of it is in memory, up to 100,000 rows. A key is a text of at most 200 letters, a value has 16 KiB at most, and
 * one call has 256 keys and writes 256 KiB at most. Calls of one transaction do not see each other's writes: the second that
 * needs a key of the first runs out of time.
 *
 * @example
 * ```ts
 * import { Table } from 'concordat/participant';
 *
 * export const rooms = new Table({ free: 12 });
 * ```
 */
export class Table implements Resource<TableWork> {
  readonly #initial: Readonly<Record<string, Json>>;
  readonly #rows = new Map<string, string>();
  readonly #open = new Map<string, Open>();
  #locks = new KeyLocks();
  /** Rows that what is prepared will add. */
  #promised = 0;

  /** `initial`: what the rows are that nothing was committed to yet. */
  constructor(initial: Readonly<Record<string, Json>> = {}) {
    this.#initial = initial;
  }

  /** A row as it was committed last. */
  peek(key: string): Json | undefined {
    const text = this.#rows.get(key);
    return text === undefined ? undefined : parseJson(text, tableValueBytesMax);
  }

  async start({ prepared, records }: LeftWork): Promise<void> {
    this.#giveUpAll();
    for (const [key, value] of Object.entries(this.#initial)) {
      this.#rows.set(key, jsonText(value, tableValueBytesMax));
    }
    for (const { key, value } of records) {
      if (key.startsWith(rowPrefix)) this.#apply(key.slice(rowPrefix.length), readRow(value));
    }
    for (const { ref, record } of prepared) {
      const { locked, writes } = readRecord(record);
      for (const key of locked) this.#locks.take(key, refKey(ref));
      const open = opened(locked, writes);
      this.#open.set(refKey(ref), open);
      this.#promise(open);
    }
  }

  async begin(ref: EnlistmentRef): Promise<TableWork> {
    const open = opened();
    this.#open.set(refKey(ref), open);
    const write = async (key: string, text: string | null) => {
      await this.#lock(ref, open, key);
      open.writes.set(key, text);
      if (bytesIn(open.writes) > tableBytesOfCallMax) throw new Refusal('TooManyBytes');
    };
    return {
      get: async (key) => {
        await this.#lock(ref, open, key);
        const text = open.writes.has(key) ? open.writes.get(key) : this.#rows.get(key);
        return text == null ? undefined : parseJson(text, tableValueBytesMax);
      },
      set: async (key, value) => write(key, jsonText(value, tableValueBytesMax)),
      delete: (key) => write(key, null),
    };
  }

  async prepare(ref: EnlistmentRef): Promise<ApplicationVote> {
    const open = this.#open.get(refKey(ref));
    if (open === undefined) return { vote: 'aborted' };
    if (open.writes.size === 0) return { vote: 'readOnly' };
    const added = this.#addedBy(open);
    if (added > 0 && this.#rows.size + this.#promised + added > tableRowsMax) {
      return { vote: 'aborted' };
    }
    this.#promise(open);
    const record: TableRecord = { locked: [...open.locked], writes: [...open.writes] };
    return { vote: 'prepared', record: bytesOf(record) };
  }

  async commit(ref: EnlistmentRef): Promise<readonly ApplicationWrite[]> {
    const open = this.#release(ref);
    if (open === undefined) return [];
    return [...open.writes].map(([key, text]) => {
      this.#apply(key, text);
      // That an initial row was deleted has to be remembered.
      const isGone = text === null && !Object.hasOwn(this.#initial, key);
      return { key: rowPrefix + key, value: isGone ? null : bytesOf(text) };
    });
  }

  async rollBack(ref: EnlistmentRef): Promise<void> {
    this.#release(ref);
  }

  async close(): Promise<void> {
    this.#locks.close();
  }

  async #lock(ref: EnlistmentRef, open: Open, key: string): Promise<void> {
    // Before it waits: a call that is over would take the key for good.
    this.#requireOpen(open, ref);
    requireKey(key);
    if (open.locked.has(key)) return;
    if (!open.asked.has(key) && open.asked.size >= tableKeysOfCallMax) {
      throw new Refusal('TooManyKeys');
    }
    open.asked.add(key);
    await this.#locks.wait(key, refKey(ref));
    this.#requireOpen(open, ref);
    open.locked.add(key);
  }

  /** A handler that goes on after its call is over must change nothing. */
  #requireOpen(open: Open, ref: EnlistmentRef): void {
    if (this.#open.get(refKey(ref)) === open && !open.isPrepared) return;
    throw new Error('the call is over');
  }

  #apply(key: string, text: string | null): void {
    if (text === null) this.#rows.delete(key);
    else this.#rows.set(key, text);
  }

  #release(ref: EnlistmentRef): Open | undefined {
    const open = this.#open.get(refKey(ref));
    if (open === undefined) return undefined;
    this.#open.delete(refKey(ref));
    this.#locks.release(refKey(ref), open.asked);
    this.#promised -= open.added;
    return open;
  }

  #giveUpAll(): void {
    this.#locks.close();
    this.#locks = new KeyLocks();
    this.#open.clear();
    this.#rows.clear();
    this.#promised = 0;
  }

  /** It is prepared: there must be room for what it adds. */
  #promise(open: Open): void {
    open.isPrepared = true;
    open.added = this.#addedBy(open);
    this.#promised += open.added;
  }

  #addedBy({ writes }: Open): number {
    return [...writes].filter(([key, text]) => text !== null && !this.#rows.has(key)).length;
  }
}

function opened(locked: Iterable<string> = [], writes: TableRecord['writes'] = []): Open {
  return {
    ...{ asked: new Set(locked), locked: new Set(locked), writes: new Map(writes) },
    ...{ isPrepared: false, added: 0 },
  };
}

function bytesIn(writes: Open['writes']): number {
  let bytes = 0;
  for (const [key, text] of writes) bytes += key.length + (text?.length ?? 0);
  return bytes;
}

/** A client may have chosen it: two that differ must not be one in the store. */
function requireKey(key: unknown): void {
  if (typeof key !== 'string' || /\p{Surrogate}/u.test(key)) {
    throw new RangeError('a key is a text of whole letters');
  }
  if (key.length > keyLengthMax) throw new RangeError(`a key has ${keyLengthMax} letters at most`);
}

function bytesOf(content: TableRecord | string | null): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(content));
}

/** A row's text, or null where it was deleted. Throws `RangeError` where the record is damaged. */
function readRow(bytes: Uint8Array): string | null {
  const row = contentOf(bytes);
  if (row === null || typeof row === 'string') return row;
  throw new RangeError('a damaged row of the table');
}

/** Throws `RangeError` where it is damaged: a vote stands behind it. */
function readRecord(bytes: Uint8Array): TableRecord {
  const record = contentOf(bytes);
  if (typeof record === 'object' && record !== null && 'locked' in record && 'writes' in record) {
    return record as unknown as TableRecord;
  }
  throw new RangeError('a damaged record of the table');
}

function contentOf(bytes: Uint8Array): Json {
  return parseJson(new TextDecoder().decode(bytes), Number.MAX_SAFE_INTEGER);
}
