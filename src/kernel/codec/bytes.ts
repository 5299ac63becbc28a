import { ConcordatError, type NoData, noData } from '../error.js';
import type { KnownNames } from './known-names.js';
import { asciiOf, hexOf, uuidOf } from './text.js';

/**
 * Bytes that no encoder of this version writes, or a value that no bytes can say.
 *
 * @example
 * ```ts
 * import { decodeOrderingMessage, type Keyring, WireError } from 'concordat/ordering';
 *
 * // Whether the bytes have the form of a message.
 * export function isMessage({ cluster }: Keyring, bytes: Uint8Array): boolean {
 *   try {
 *     decodeOrderingMessage(cluster.id, bytes);
 *     return true;
 *   } catch (error) {
 *     if (error instanceof WireError) return false;
 *     throw error;
 *   }
 * }
 * ```
 */
export class WireError extends ConcordatError<WireErrorCode, NoData> {
  override readonly name = 'WireError';
  readonly code: WireErrorCode = 'malformed';
  readonly data = noData;
}

export type WireErrorCode = 'malformed' | 'run-too-large';

/** The value of the two lower-case hexadecimal digits at `at`. Throws `WireError` on anything else. */
function byteOfHex(text: string, at: number): number {
  return (digitValue(text.charCodeAt(at)) << 4) | digitValue(text.charCodeAt(at + 1));
}

function digitValue(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x61 && code <= 0x66) return code - 0x61 + 10;
  throw new WireError('not a lower-case hexadecimal digit');
}

// A byte order mark is text like any other here: dropping it would read two encodings as one.
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const none = new Uint8Array(0);

/**
 * Takes fields, big-endian, off an input. Throws `WireError` where the input ends too early or says
 * what `Writer` never writes. What it returns shares no memory with the input, unless the reader is told
 * that nobody else writes there.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #mayShare: boolean;
  #at = 0;

  constructor(bytes: Uint8Array, { mayShare = false }: { readonly mayShare?: boolean } = {}) {
    this.#mayShare = mayShare;
    // A plain view also where a Node Buffer comes in, whose `slice` would share its memory.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Throws unless all has been read. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new WireError('bytes after the end');
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** Eight bytes that hold a safe integer. */
  u64(): number {
    const at = this.#take(8);
    const value = this.#view.getUint32(at) * 0x1_0000_0000 + this.#view.getUint32(at + 4);
    if (!Number.isSafeInteger(value)) throw new WireError('number beyond 2^53 - 1');
    return value;
  }

  flag(): boolean {
    const value = this.u8();
    if (value > 1) throw new WireError('flag other than 0 and 1');
    return value === 1;
  }

  /** Passes over exactly these bytes. */
  literal(expected: Uint8Array, what: string): void {
    const at = this.#take(expected.length);
    for (let index = 0; index < expected.length; index += 1) {
      if (this.#bytes[at + index] !== expected[index]) throw new WireError(`not ${what}`);
    }
  }

  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return length === 0 ? none : this.#part(at);
  }

  /** What `look` finds in the input from here on, without taking it. */
  ahead<T>(look: (bytes: Uint8Array, at: number) => T): T {
    return look(this.#bytes, this.#at);
  }

  bytes(): Uint8Array {
    return this.raw(this.u32());
  }

  hex(length: number): string {
    const at = this.#take(length);
    return hexOf(this.#bytes, at, at + length);
  }

  /** 16 bytes, as a UUID is written. */
  uuid(): string {
    return uuidOf(this.#bytes, this.#take(16));
  }

  text(maxBytes: number): string {
    return this.#text(this.u16(), maxBytes);
  }

  /** A name, as `text`. */
  name<Id extends string>(known: KnownNames<Id>, maxBytes: number): Id {
    const length = this.u16();
    const at = this.#at;
    const name =
      length <= maxBytes && at + length <= this.#bytes.length
        ? known.find(this.#bytes, at, at + length)
        : undefined;
    if (name === undefined) return known.of(this.#text(length, maxBytes));
    this.#at = at + length;
    return name;
  }

  /** Text after its length as u32. */
  longText(maxBytes: number): string {
    return this.#text(this.u32(), maxBytes);
  }

  #text(length: number, maxBytes: number): string {
    if (length > maxBytes) throw new WireError(`text of more than ${maxBytes} bytes`);
    const at = this.#take(length);
    if (isAscii(this.#bytes, at, at + length)) {
      return asciiOf(this.#bytes, at, at + length);
    }
    try {
      return utf8Decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw new WireError('text that is not UTF-8');
    }
  }

  list<T>(max: number, read: () => T): T[] {
    const length = this.u16();
    if (length > max) throw new WireError(`list of more than ${max} items`);
    const items: T[] = [];
    for (let index = 0; index < length; index += 1) items.push(read());
    return items;
  }

  /** What `read` reads, and the bytes that it was read from. */
  recorded<T>(read: () => T): { readonly value: T; readonly bytes: Uint8Array } {
    const start = this.#at;
    const value = read();
    return { value, bytes: this.#part(start) };
  }

  /** From there to where the reader is. */
  #part(start: number): Uint8Array {
    return this.#mayShare
      ? this.#bytes.subarray(start, this.#at)
      : this.#bytes.slice(start, this.#at);
  }

  /** Checks that so many bytes are left, passes over them, and returns where they start. */
  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new WireError('input ends too early');
    this.#at = at + length;
    return at;
  }
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) if ((bytes[index] ?? 0) > 0x7f) return false;
  return true;
}

/** Decodes the whole of an input. */
export function readAll<T>(
  bytes: Uint8Array,
  read: (reader: Reader) => T,
  options?: { readonly mayShare?: boolean },
): T {
  const reader = new Reader(bytes, options);
  const value = read(reader);
  reader.end();
  return value;
}

const spareBytes = 4096;
/** Room that no writer has at the moment. Most write less and are done: the next takes the same. */
let spare: Uint8Array | undefined;

const utf8Encoder = new TextEncoder();
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Appends fields, big-endian, to a growing buffer. Throws `WireError` for a value that its field cannot
 * hold, so that nobody sends, or signs, what no reader accepts.
 */
export class Writer {
  #bytes: Uint8Array = none;
  #length = 0;

  /** The bytes so far, which are the caller's; the writer starts anew. Large ones are not copied. */
  finish(): Uint8Array {
    const room = this.#bytes;
    const written = room.subarray(0, this.#length);
    this.#bytes = none;
    this.#length = 0;
    if (room.length === spareBytes) {
      spare = room;
      return written.slice();
    }
    return 2 * written.length > room.length ? written : written.slice();
  }

  /** Room for so many bytes more at once, where it is known how many come. */
  reserve(length: number): void {
    const needed = this.#length + length;
    if (needed > this.#bytes.length) this.#grow(needed);
  }

  u8(value: number): void {
    checkRange(value, 0xff);
    const at = this.#claim(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    checkRange(value, 0xffff);
    const at = this.#claim(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value & 0xff;
  }

  u32(value: number): void {
    checkRange(value, 0xffff_ffff);
    const at = this.#claim(4);
    this.#putU32(at, value);
  }

  /** A safe integer in eight bytes. */
  u64(value: number): void {
    checkRange(value, Number.MAX_SAFE_INTEGER);
    const at = this.#claim(8);
    this.#putU32(at, Math.floor(value / 0x1_0000_0000));
    this.#putU32(at + 4, value >>> 0);
  }

  flag(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  /** Bytes of a length that the reader knows. */
  raw(bytes: Uint8Array): void {
    const at = this.#claim(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Bytes after their length as u32. */
  bytes(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.raw(bytes);
  }

  /** Exactly `length` bytes, given as lower-case hexadecimal digits. */
  hex(text: string, length: number): void {
    if (text.length !== 2 * length)
      throw new WireError(`not ${length} bytes of hexadecimal digits`);
    const at = this.#claim(length);
    for (let index = 0; index < length; index += 1) {
      this.#bytes[at + index] = byteOfHex(text, 2 * index);
    }
  }

  /** UTF-8 after its length as u16, at most `maxBytes`. */
  text(text: string, maxBytes: number): void {
    if (text.length <= maxBytes && this.#asciiText(text)) return;
    const bytes = utf8Of(text, maxBytes);
    this.u16(bytes.length);
    this.raw(bytes);
  }

  /** UTF-8 after its length as u32, at most `maxBytes`. */
  longText(text: string, maxBytes: number): void {
    this.bytes(utf8Of(text, maxBytes));
  }

  /** A list after its length as u16, at most `max` items. */
  list<T>(items: readonly T[], max: number, write: (item: T) => void): void {
    if (items.length > max) throw new WireError(`list of more than ${max} items`);
    this.u16(items.length);
    for (const item of items) write(item);
  }

  /** Writes text that is all ASCII, as names are; several times faster than an encoder. */
  #asciiText(text: string): boolean {
    const start = this.#length;
    this.u16(text.length);
    const at = this.#claim(text.length);
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) {
        this.#length = start;
        return false;
      }
      this.#bytes[at + index] = code;
    }
    return true;
  }

  #putU32(at: number, value: number): void {
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = (value >>> 16) & 0xff;
    this.#bytes[at + 2] = (value >>> 8) & 0xff;
    this.#bytes[at + 3] = value & 0xff;
  }

  /** Makes room for so many bytes more, and returns where they go. */
  #claim(length: number): number {
    const at = this.#length;
    const needed = at + length;
    if (needed > this.#bytes.length) this.#grow(needed);
    this.#length = needed;
    return at;
  }

  #grow(needed: number): void {
    if (needed <= spareBytes) {
      this.#bytes = spare ?? new Uint8Array(spareBytes);
      spare = undefined;
      return;
    }
    const room = needed + (needed >>> 3);
    const grown = new Uint8Array(Math.max(room, 2 * this.#bytes.length));
    grown.set(this.#bytes.subarray(0, this.#length));
    if (this.#bytes.length === spareBytes) spare = this.#bytes;
    this.#bytes = grown;
  }
}

function utf8Of(text: string, maxBytes: number): Uint8Array {
  if (loneSurrogate.test(text)) throw new WireError('text with half a surrogate pair');
  const bytes = utf8Encoder.encode(text);
  if (bytes.length > maxBytes) throw new WireError(`text of more than ${maxBytes} bytes`);
  return bytes;
}

function checkRange(value: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw new WireError(`not a whole number from 0 to ${max}: ${value}`);
  }
}
