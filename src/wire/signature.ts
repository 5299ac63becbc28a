import type { Signed } from '../vocabulary/statements.js';
import { WireError } from './error.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

/** An Ed25519 signature (RFC 8032 §5.1.6). */
const signatureLength = 64;

export function writeSignature(writer: Writer, signature: Uint8Array): void {
  if (signature.length !== signatureLength) throw new WireError('not an Ed25519 signature');
  writer.raw(signature);
}

export function readSignature(reader: Reader): Uint8Array {
  return reader.raw(signatureLength);
}

/** The signed bytes as they are, and the signature. */
export function writeSigned(writer: Writer, signed: Signed<unknown>): void {
  writer.bytes(signed.bytes);
  writeSignature(writer, signed.signature);
}

/** A signed statement as `decode` understands its bytes. */
export function readSignedAs<S>(reader: Reader, decode: (bytes: Uint8Array) => S): Signed<S> {
  const bytes = reader.bytes();
  return { statement: decode(bytes), bytes, signature: readSignature(reader) };
}
