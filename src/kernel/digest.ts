import { sha256 as portableSha256 } from '@noble/hashes/sha2.js';
import { Writer } from './codec/bytes.js';
import { hexOf } from './codec/text.js';
import type { Digest } from './ids.js';

/** Node's own SHA-256 is three times as fast; a browser has only the portable one. */
const node = globalThis.process?.getBuiltinModule?.('node:crypto');
const utf8 = new TextEncoder();

/** SHA-256 as 64 lower-case hexadecimal digits. */
export function sha256(bytes: Uint8Array): Digest {
  if (node !== undefined) return node.hash('sha256', bytes, 'hex') as Digest;
  const digest = portableSha256(bytes);
  return hexOf(digest) as Digest;
}

/** SHA-256 as its 32 bytes. */
export function sha256Bytes(bytes: Uint8Array): Uint8Array {
  return node === undefined ? portableSha256(bytes) : node.hash('sha256', bytes, 'buffer');
}

/** SHA-256 of the text's UTF-8. */
export function digestOfText(text: string): Digest {
  return node === undefined
    ? sha256(utf8.encode(text))
    : (node.hash('sha256', text, 'hex') as Digest);
}

/** SHA-256 over bytes and, after them, the bytes of hexadecimal digits. */
export function digestOfHex(prefix: Uint8Array, digits: readonly string[]): Digest {
  const writer = new Writer();
  writer.raw(prefix);
  for (const each of digits) writer.hex(each, each.length / 2);
  return sha256(writer.finish());
}
