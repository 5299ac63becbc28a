import { asciiOf } from './text.js';

const alphabet = new TextEncoder().encode(
  'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
);
const padding = 0x3d;
const valueOfLetter = new Uint8Array(128);
for (const [value, letter] of alphabet.entries()) valueOfLetter[letter] = value;

/** Base64 with padding (RFC 4648 §4). */
export function base64Of(bytes: Uint8Array): string {
  const letters = new Uint8Array(4 * Math.ceil(bytes.length / 3)).fill(padding);
  for (let at = 0, to = 0; at < bytes.length; at += 3, to += 4) {
    const three = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const count = Math.min(4, bytes.length - at + 1);
    for (let place = 0; place < count; place += 1) {
      letters[to + place] = alphabet[(three >> (18 - 6 * place)) & 63] ?? padding;
    }
  }
  return asciiOf(letters, 0, letters.length);
}

/** The bytes; `undefined` unless the text is exactly what `base64Of` makes of them. */
export function bytesOfBase64(text: string): Uint8Array | undefined {
  const missing = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array(Math.max(0, 3 * Math.ceil(text.length / 4) - missing));
  for (let at = 0, to = 0; at < text.length; at += 4, to += 3) {
    let three = 0;
    for (let place = 0; place < 4; place += 1) {
      three = (three << 6) | (valueOfLetter[text.charCodeAt(at + place)] ?? 0);
    }
    bytes[to] = three >> 16;
    bytes[to + 1] = three >> 8;
    bytes[to + 2] = three;
  }
  return base64Of(bytes) === text ? bytes : undefined;
}
