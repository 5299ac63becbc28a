import { invariant } from '../../../kernel/core.js';
import { ConcordatError, type NoData, noData } from '../../../kernel/error.js';
import type { ClientId } from '../../../kernel/ids.js';
import { sessionLimits } from '../../types.js';
import type { State } from '../application.js';
import { billOf, costOf, Pages, type Payments, paidAfter, type Sized, sizeOf } from './pages.js';
import { workLimits } from './resources.js';

const utf8 = new TextEncoder();
const loneSurrogate = /\p{Surrogate}/u;

/** A call wrote what no state can hold. Its message is the reason of the rejection. */
export class StateError extends ConcordatError<'unfit-state', NoData> {
  readonly code = 'unfit-state';
  readonly data = noData;
}

export type Reads = Pick<State, 'get' | 'keys'>;
/** What a call wrote; `null` where it deleted. */
export type Writes = ReadonlyMap<string, string | null>;

/** A text in the state, and the owners that pay for it. */
export interface StateEntry extends Sized {
  readonly value: string;
  readonly paid: Payments;
}

/** By how many bytes an owner, and all together, would use more. */
export interface Growth {
  readonly own: number;
  readonly all: number;
}

/** An application's committed state: texts under keys, in the order of the keys, and how much of it each owner uses. */
export class StateTable implements Reads {
  readonly #entries = new Map<string, StateEntry>();
  readonly #used = new Map<ClientId, number>();
  readonly pages = new Pages(this.#entries);
  #bytes = 0;

  /** Bytes that all owners pay for. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that the owner pays for. */
  usedBy(owner: ClientId): number {
    return this.#used.get(owner) ?? 0;
  }

  get(key: string): string | undefined {
    return this.#entries.get(key)?.value;
  }

  entry(key: string): StateEntry | undefined {
    return this.#entries.get(key);
  }

  keys(prefix: string): readonly string[] {
    return this.pages.startingWith(prefix);
  }

  /** By how much the owner's writes would change what is used; `undefined` where too many owners share a key. */
  growth(owner: ClientId, writes: Writes): Growth | undefined {
    let [own, all] = [0, 0];
    for (const [key, value] of writes) {
      const before = this.#entries.get(key)?.paid ?? [];
      const after = value === null ? [] : paidAfter(before, owner, costOf(key, value));
      if (!after) return undefined;
      own += billTo(owner, after) - billTo(owner, before);
      all += sizeOf(after) - sizeOf(before);
    }
    return { own, all };
  }

  /** `growth` has seen that no key has too many payers. */
  write(owner: ClientId, writes: Writes): void {
    for (const [key, value] of writes) {
      const before = this.#entries.get(key)?.paid ?? [];
      if (value === null) this.#put(key, undefined);
      else {
        const paid = paidAfter(before, owner, costOf(key, value));
        invariant(paid !== undefined, 'an entry of a state has few payers');
        this.#put(key, { value, paid, size: sizeOf(paid) });
      }
    }
  }

  /** As a snapshot has it. */
  restore(
    pages: readonly (readonly { readonly key: string; readonly entry: StateEntry }[])[],
  ): void {
    this.#entries.clear();
    this.#used.clear();
    this.#bytes = 0;
    for (const { key, entry } of pages.flat()) {
      this.#entries.set(key, entry);
      this.#bill(entry.paid, 1);
    }
    this.pages.restore(pages.map((page) => page.map(({ key }) => key)));
  }

  #put(key: string, entry: StateEntry | undefined): void {
    const before = this.#entries.get(key);
    if (!before && !entry) return;
    this.#bill(before?.paid ?? [], -1);
    this.#bill(entry?.paid ?? [], 1);
    if (entry) this.#entries.set(key, entry);
    else this.#entries.delete(key);
    this.pages.changed(key, before?.size ?? 0);
  }

  #bill(paid: Payments, sign: 1 | -1): void {
    for (const payment of paid) {
      const [owner] = payment;
      const bytes = sign * billOf(payment);
      const used = this.usedBy(owner) + bytes;
      this.#bytes += bytes;
      invariant(used >= 0 && this.#bytes >= 0, 'nobody gets back more of the state than was paid');
      if (used > 0) this.#used.set(owner, used);
      else this.#used.delete(owner);
    }
  }
}

function billTo(owner: ClientId, paid: Payments): number {
  const own = paid.find(([payer]) => payer === owner);
  return own ? billOf(own) : 0;
}

/** A state that one call may write to; the base stays as it is. */
export class Draft implements State {
  /** The rejection, once the call has touched too much. */
  exceeded: { readonly kind: 'rejected'; readonly reason: string } | undefined;
  readonly #base: Reads;
  readonly #writes = new Map<string, string | null>();
  #accesses = 0;
  #writtenLength = 0;

  constructor(base: Reads) {
    this.#base = base;
  }

  get writes(): Writes {
    return this.#writes;
  }

  get(key: string): string | undefined {
    this.#touch(1);
    return this.#known(key);
  }

  #known(key: string): string | undefined {
    const written = this.#writes.get(key);
    return written === undefined ? this.#base.get(key) : (written ?? undefined);
  }

  /** Throws `StateError` where key or value are too long or no Unicode. */
  set(key: string, value: string): void {
    checkText('key', key, sessionLimits.keyBytes);
    checkText('value', value, sessionLimits.valueBytes);
    this.#touch(1, key.length + value.length);
    this.#writes.set(key, value);
  }

  delete(key: string): void {
    this.#touch(1);
    if (this.#known(key) !== undefined) this.#writes.set(key, null);
  }

  keys(prefix: string): readonly string[] {
    const keys = mergedKeys(this.#base, this.#writes, prefix);
    this.#touch(1 + keys.length);
    return keys;
  }

  /** Throws `StateError` once the call has touched more than it may. */
  #touch(accesses: number, length = 0): void {
    this.#accesses += accesses;
    this.#writtenLength += length;
    const { accesses: most, writtenLength } = workLimits;
    if (this.#accesses <= most && this.#writtenLength <= writtenLength) return;
    this.exceeded = { kind: 'rejected', reason: 'the call touches too much of the state' };
    throw new StateError(this.exceeded.reason);
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
