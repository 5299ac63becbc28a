import { WireError } from './error.js';

// A byte order mark is text like any other here: dropping it would read two encodings as one.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Up to here it is faster to put a text together letter by letter than to call a decoder. */
const shortText = 12;
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
  #buffer: Buffer | undefined;
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

  bytes(): Uint8Array {
    return this.raw(this.u32());
  }

  hex(length: number): string {
    const at = this.#take(length);
    return this.#decoder.toString('hex', at, at + length);
  }

  text(maxBytes: number): string {
    const length = this.u16();
    if (length > maxBytes) throw new WireError(`text of more than ${maxBytes} bytes`);
    const at = this.#take(length);
    if (isAscii(this.#bytes, at, at + length)) {
      return length > shortText
        ? this.#decoder.toString('latin1', at, at + length)
        : asciiOf(this.#bytes, at, at + length);
    }
    try {
      return utf8.decode(this.#bytes.subarray(at, at + length));
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

  /** The same bytes, as something with decoders. */
  get #decoder(): Buffer {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    this.#buffer ??= Buffer.from(buffer, byteOffset, byteLength);
    return this.#buffer;
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

function asciiOf(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let index = start; index < end; index += 1) text += String.fromCharCode(bytes[index] ?? 0);
  return text;
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
