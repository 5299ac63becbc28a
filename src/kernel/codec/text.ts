// Letters of bytes, without what only Node has, and no slower than that.

// What both read here is ASCII, for which any decoder does; this one is the fastest.
const asciiDecoder = new TextDecoder('latin1');
const digits = new TextEncoder().encode('0123456789abcdef');
const bytesAtOnce = 64;
const digitPairs = new Uint8Array(2 * bytesAtOnce);
/** The same memory: one store for both digits of a byte. */
const pairs = new Uint16Array(digitPairs.buffer);
const pairOfByte = new Uint16Array(
  Uint8Array.from({ length: 512 }, (_, at) => digits[at % 2 === 0 ? at >> 5 : (at >> 1) & 15] ?? 0)
    .buffer,
);

/** The bytes from `start` to `end` as lower-case hexadecimal digits. */
export function hexOf(bytes: Uint8Array, start = 0, end = bytes.length): string {
  if (end - start > bytesAtOnce) {
    const middle = start + bytesAtOnce;
    return hexOf(bytes, start, middle) + hexOf(bytes, middle, end);
  }
  for (let at = start; at < end; at += 1) pairs[at - start] = pairOfByte[bytes[at] ?? 0] ?? 0;
  return asciiDecoder.decode(digitPairs.subarray(0, 2 * (end - start)));
}

/** The 16 bytes from `start` as a UUID is written (RFC 9562 §4), in lower case. */
export function uuidOf(bytes: Uint8Array, start: number): string {
  let at = 0;
  for (let index = 0; index < 16; index += 1) {
    if (index === 4 || index === 6 || index === 8 || index === 10) {
      uuidLetters[at] = dash;
      at += 1;
    }
    const pair = bytes[start + index] ?? 0;
    uuidLetters[at] = digits[pair >> 4] ?? 0;
    uuidLetters[at + 1] = digits[pair & 15] ?? 0;
    at += 2;
  }
  return asciiDecoder.decode(uuidLetters);
}

const dash = 0x2d;
const uuidLetters = new Uint8Array(36);

/** The text of bytes of which none is above 127. */
export function asciiOf(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > shortText) return asciiDecoder.decode(bytes.subarray(start, end));
  let text = '';
  for (let at = start; at < end; at += 1) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}

/** Up to here it is faster to put a text together letter by letter than to call a decoder. */
const shortText = 12;
