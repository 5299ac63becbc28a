import type { Digest } from '../../../vocabulary/ids.js';
import type { Reader } from '../../../wire/reader.js';
import type { Writer } from '../../../wire/writer.js';
import type { Vector } from './merge.js';

const digestBytes = 32;

export function writeVector(writer: Writer, vector: Vector): void {
  for (const digest of vector) {
    writer.flag(digest !== null);
    if (digest !== null) writer.hex(digest, digestBytes);
  }
}

/** A vector of `n` processes. */
export function readVector(reader: Reader, n: number): Vector {
  return Array.from({ length: n }, () =>
    reader.flag() ? (reader.hex(digestBytes) as Digest) : null,
  );
}
