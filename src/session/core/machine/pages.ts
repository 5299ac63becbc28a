import type { ClientId } from '../../../kernel/ids.js';

/** Which owners pay for an entry of a state, and how many bytes each. */
export type Payments = readonly (readonly [owner: ClientId, bytes: number])[];

const utf8 = new TextEncoder();
/** What an entry costs beside its texts, and a payment beside its owner's name: at least what both take as bytes. */
const entryBytes = 32;
const paymentBytes = 16;
/** Owners that pay for one entry; as many as a package of the supply chain has steps. */
export const payersMax = 64;

/** Bytes that an entry costs its payers together. */
export function costOf(key: string, value: string): number {
  return entryBytes + utf8Length(key) + utf8Length(value);
}

/** Bytes that the payer pays: its part of the entry, and for its own name. */
export function billOf([owner, bytes]: Payments[number]): number {
  return bytes + owner.length + paymentBytes;
}

/** What an entry with these payments counts; more than it takes as bytes. */
export function sizeOf(paid: Payments): number {
  return paid.reduce((sum, payment) => sum + billOf(payment), 0);
}

/**
 * Which owners pay once the entry costs so much because of the owner's call. The owner pays what it grows by, and what
 * it shrinks by is given back to the owner first, then to those that paid last. `undefined` where too many pay.
 */
export function paidAfter(paid: Payments, owner: ClientId, cost: number): Payments | undefined {
  const before = paid.reduce((sum, [, bytes]) => sum + bytes, 0);
  const own = paid.find(([payer]) => payer === owner)?.[1] ?? 0;
  if (cost >= before) {
    if (cost === before) return paid;
    const others = paid.filter(([payer]) => payer !== owner);
    if (others.length >= payersMax) return undefined;
    return [...others, [owner, own + cost - before]];
  }
  let back = before - cost;
  const after: (readonly [ClientId, number])[] = [];
  const lastFirst = [...paid].reverse();
  const order = [
    ...lastFirst.filter(([payer]) => payer === owner),
    ...lastFirst.filter(([payer]) => payer !== owner),
  ];
  for (const [payer, bytes] of order) {
    const given = Math.min(back, bytes);
    back -= given;
    if (bytes > given) after.push([payer, bytes - given]);
  }
  return after.reverse();
}

function utf8Length(text: string): number {
  return utf8.encode(text).length;
}
/** One entry of the state, as its page has it. */
export interface Sized {
  /** As it is encoded. */
  readonly size: number;
}

/** Keys in a row, encoded together. */
export interface Page {
  readonly keys: string[];
  size: number;
  /** Until one of its entries changes. */
  encoded: Uint8Array | undefined;
}

/**
 * A page is cut in two once it is larger, and joined with its neighbour where both fit into one. So of two
 * neighbours together more than this is used, and a state has few pages whatever was deleted from it.
 */
export const pageSizeMax = 256 * 1024;

/** The keys of a state in their order, in pages: what was not written since is not encoded again. */
export class Pages {
  readonly #entries: ReadonlyMap<string, Sized>;
  #pages: Page[] = [];

  /** `entries` has what the pages hold the keys of, as it is now. */
  constructor(entries: ReadonlyMap<string, Sized>) {
    this.#entries = entries;
  }

  get all(): readonly Page[] {
    return this.#pages;
  }

  /** From a snapshot: pages as they were. */
  restore(pages: readonly (readonly string[])[]): void {
    this.#pages = pages.map((keys) => ({
      ...{ keys: [...keys], size: this.#sizeOf(keys), encoded: undefined },
    }));
  }

  /** Keys that start so. */
  startingWith(prefix: string): readonly string[] {
    const found: string[] = [];
    for (let index = this.#indexFor(prefix); index < this.#pages.length; index += 1) {
      const keys = this.#pages[index]?.keys ?? [];
      for (let place = placeOf(keys, prefix); place < keys.length; place += 1) {
        const key = keys[place] ?? '';
        if (!key.startsWith(prefix)) return found;
        found.push(key);
      }
    }
    return found;
  }

  /** The entry of this key was of this size, 0 where there was none, and is written or deleted now. */
  changed(key: string, sizeBefore: number): void {
    const index = this.#indexFor(key);
    const page = this.#pages[index] ?? this.#first();
    const size = this.#entries.get(key)?.size ?? 0;
    const place = placeOf(page.keys, key);
    if (sizeBefore === 0 && size > 0) page.keys.splice(place, 0, key);
    if (sizeBefore > 0 && size === 0) page.keys.splice(place, 1);
    page.size += size - sizeBefore;
    page.encoded = undefined;
    this.#balance(index);
  }

  #first(): Page {
    const page: Page = { keys: [], size: 0, encoded: undefined };
    this.#pages.push(page);
    return page;
  }

  #balance(index: number): void {
    const page = this.#pages[index];
    if (!page) return;
    if (page.keys.length === 0) {
      this.#pages.splice(index, 1);
      return this.#joinWithNext(index - 1);
    }
    const parts = this.#cut(page);
    if (parts.length > 1) this.#pages.splice(index, 1, ...parts);
    for (let place = index + parts.length - 1; place >= index - 1; place -= 1) {
      this.#joinWithNext(place);
    }
  }

  /** At the key with which half of it is passed, until each part is small enough. */
  #cut(page: Page): readonly Page[] {
    const { keys } = page;
    if (page.size <= pageSizeMax || keys.length < 2) return [page];
    let size = 0;
    let count = 0;
    while (count < keys.length - 1 && (count === 0 || size < page.size / 2)) {
      size += this.#entries.get(keys[count] ?? '')?.size ?? 0;
      count += 1;
    }
    const left = { keys: keys.slice(0, count), size, encoded: undefined };
    const right = { keys: keys.slice(count), size: page.size - size, encoded: undefined };
    return [...this.#cut(left), ...this.#cut(right)];
  }

  #joinWithNext(index: number): void {
    const [page, next] = [this.#pages[index], this.#pages[index + 1]];
    if (!page || !next || page.size + next.size > pageSizeMax) return;
    const keys = [...page.keys, ...next.keys];
    this.#pages.splice(index, 2, { keys, size: page.size + next.size, encoded: undefined });
  }

  #sizeOf(keys: readonly string[]): number {
    return keys.reduce((sum, key) => sum + (this.#entries.get(key)?.size ?? 0), 0);
  }

  /** The page that has the key, or where it belongs: the last one that begins at or below it. */
  #indexFor(key: string): number {
    let low = 0;
    let high = this.#pages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#pages[middle]?.keys[0] ?? '') <= key) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** Where the first key stands that is not below. */
function placeOf(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
