import { WireError } from './error.js';
import { byteOfHex } from './hex.js';

const utf8 = new TextEncoder();
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Appends fields, big-endian, to a growing buffer. Throws `WireError` for a value that its field cannot
 * hold, so that nobody sends, or signs, what no reader accepts.
 */
export class Writer {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** The bytes so far, which are the caller's; the writer starts anew. Large ones are not copied. */
  finish(): Uint8Array {
    const written = this.#bytes.subarray(0, this.#length);
    const isMostlyUsed = 2 * this.#length > this.#bytes.length;
    if (isMostlyUsed) this.#bytes = new Uint8Array(0);
    this.#length = 0;
    return isMostlyUsed ? written : written.slice();
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
    if (loneSurrogate.test(text)) throw new WireError('text with half a surrogate pair');
    const bytes = utf8.encode(text);
    if (bytes.length > maxBytes) throw new WireError(`text of more than ${maxBytes} bytes`);
    this.u16(bytes.length);
    this.raw(bytes);
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
    if (needed > this.#bytes.length) {
      const room = needed + (needed >>> 3);
      const grown = new Uint8Array(Math.max(room, 2 * this.#bytes.length));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
    }
    this.#length = needed;
    return at;
  }
}

function checkRange(value: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw new WireError(`not a whole number from 0 to ${max}: ${value}`);
  }
}
