import { sessionLimits } from '../../../vocabulary/session.js';
import type { State } from '../application.js';

const utf8 = new TextEncoder();
const loneSurrogate = /\p{Surrogate}/u;

/** A call wrote what no state can hold. Its message is the reason of the rejection. */
export class StateError extends Error {}

export type Reads = Pick<State, 'get' | 'keys'>;
/** What a call wrote; `null` where it deleted. */
export type Writes = ReadonlyMap<string, string | null>;

/** An application's committed state: texts under keys, and the keys in order. */
export class Texts implements Reads {
  readonly #values = new Map<string, string>();
  readonly #keys: string[] = [];
  #length = 0;

  /** Characters (UTF-16) of all keys and values. */
  get length(): number {
    return this.#length;
  }

  get(key: string): string | undefined {
    return this.#values.get(key);
  }

  keys(prefix: string): readonly string[] {
    const start = this.#place(prefix);
    let end = start;
    while (this.#keys[end]?.startsWith(prefix)) end += 1;
    return this.#keys.slice(start, end);
  }

  entries(): readonly (readonly [string, string])[] {
    return this.#keys.map((key) => [key, this.#values.get(key) ?? '']);
  }

  /** How much longer the whole would be with these. */
  growth(writes: Writes): number {
    let growth = 0;
    for (const [key, value] of writes) {
      const known = this.#values.get(key);
      if (known !== undefined) growth -= key.length + known.length;
      if (value !== null) growth += key.length + value.length;
    }
    return growth;
  }

  write(writes: Writes): void {
    this.#length += this.growth(writes);
    for (const [key, value] of writes) {
      const isKnown = this.#values.has(key);
      if (value !== null) {
        this.#values.set(key, value);
        if (!isKnown) this.#keys.splice(this.#place(key), 0, key);
      } else if (isKnown) {
        this.#values.delete(key);
        this.#keys.splice(this.#place(key), 1);
      }
    }
  }

  clear(): void {
    this.#values.clear();
    this.#keys.length = 0;
    this.#length = 0;
  }

  /** Where the first key stands that is not below. */
  #place(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A state that one call may write to; the base stays as it is. */
export class Draft implements State {
  readonly #base: Reads;
  readonly #writes = new Map<string, string | null>();

  constructor(base: Reads) {
    this.#base = base;
  }

  get writes(): Writes {
    return this.#writes;
  }

  get(key: string): string | undefined {
    const written = this.#writes.get(key);
    return written === undefined ? this.#base.get(key) : (written ?? undefined);
  }

  /** Throws `StateError` where key or value are too long or no Unicode. */
  set(key: string, value: string): void {
    checkText('key', key, sessionLimits.keyBytes);
    checkText('value', value, sessionLimits.valueBytes);
    this.#writes.set(key, value);
  }

  delete(key: string): void {
    if (this.get(key) !== undefined) this.#writes.set(key, null);
  }

  keys(prefix: string): readonly string[] {
    return mergedKeys(this.#base, this.#writes, prefix);
  }
}

/** The keys of a state with writes on top. */
export function mergedKeys(base: Reads, writes: Writes, prefix: string): readonly string[] {
  const keys = base.keys(prefix);
  const touched = [...writes].filter(([key]) => key.startsWith(prefix));
  if (touched.length === 0) return keys;
  const merged = new Set(keys);
  for (const [key, value] of touched) {
    if (value === null) merged.delete(key);
    else merged.add(key);
  }
  return [...merged].sort((a, b) => (a < b ? -1 : 1));
}

/** Throws `StateError` unless the text is Unicode of at most so many bytes. */
export function checkText(what: string, text: string, maxBytes: number): void {
  if (typeof text !== 'string' || loneSurrogate.test(text)) {
    throw new StateError(`the ${what} is no text`);
  }
  const fits = text.length * 3 <= maxBytes || utf8.encode(text).length <= maxBytes;
  if (!fits) throw new StateError(`the ${what} has more than ${maxBytes} bytes`);
}
