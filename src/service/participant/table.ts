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
  readonly locked: Set<string>;
  /** By key, JSON text; null deletes. */
  readonly writes: Map<string, string | null>;
  isPrepared: boolean;
}

interface TableRecord {
  readonly locked: readonly string[];
  readonly writes: readonly (readonly [string, string | null])[];
}

/**
 * A table of JSON values in the participant's own store: what a participant keeps its data in unless it has a database.
 * All of it is in memory, up to 100,000 rows. Calls of one transaction do not see each other's writes: the second that
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
  readonly #locks = new KeyLocks();

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
    for (const [key, value] of Object.entries(this.#initial)) {
      this.#rows.set(key, jsonText(value, tableValueBytesMax));
    }
    for (const { key, value } of records) {
      if (key.startsWith(rowPrefix)) this.#apply(key.slice(rowPrefix.length), readRow(value));
    }
    for (const { ref, record } of prepared) {
      const { locked, writes } = readRecord(record);
      for (const key of locked) this.#locks.take(key, refKey(ref));
      const open = { locked: new Set(locked), writes: new Map(writes), isPrepared: true };
      this.#open.set(refKey(ref), open);
    }
  }

  async begin(ref: EnlistmentRef): Promise<TableWork> {
    const open: Open = { locked: new Set(), writes: new Map(), isPrepared: false };
    this.#open.set(refKey(ref), open);
    const write = async (key: string, text: string | null) => {
      await this.#lock(ref, open, key);
      open.writes.set(key, text);
    };
    return {
      get: async (key) => {
        await this.#lock(ref, open, key);
        const text = open.writes.has(key) ? open.writes.get(key) : this.#rows.get(key);
        return text == null ? undefined : parseJson(text, tableValueBytesMax);
      },
      set: (key, value) => write(key, jsonText(value, tableValueBytesMax)),
      delete: (key) => write(key, null),
    };
  }

  async prepare(ref: EnlistmentRef): Promise<ApplicationVote> {
    const open = this.#open.get(refKey(ref));
    if (open === undefined) return { vote: 'aborted' };
    if (open.writes.size === 0) return { vote: 'readOnly' };
    if (this.#rows.size + open.writes.size > tableRowsMax) return { vote: 'aborted' };
    open.isPrepared = true;
    const record: TableRecord = { locked: [...open.locked], writes: [...open.writes] };
    return { vote: 'prepared', record: bytesOf(record) };
  }

  async commit(ref: EnlistmentRef): Promise<readonly ApplicationWrite[]> {
    const open = this.#release(ref);
    if (open === undefined) return [];
    return [...open.writes].map(([key, text]) => {
      this.#apply(key, text);
      return { key: rowPrefix + key, value: bytesOf(text) };
    });
  }

  async rollBack(ref: EnlistmentRef): Promise<void> {
    this.#release(ref);
  }

  async close(): Promise<void> {
    this.#locks.close();
  }

  async #lock(ref: EnlistmentRef, open: Open, key: string): Promise<void> {
    if (key.length > keyLengthMax)
      throw new RangeError(`a key has ${keyLengthMax} letters at most`);
    if (open.locked.has(key)) return this.#requireOpen(open, ref);
    if (open.locked.size >= tableKeysOfCallMax) throw new Refusal('TooManyKeys');
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
    this.#open.delete(refKey(ref));
    this.#locks.release(refKey(ref));
    return open;
  }
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
