import type { ClusterId } from '../vocabulary/ids.js';
import type { Signed } from '../vocabulary/statements.js';
import { WireError } from './error.js';
import { decodeLeaf, type LeafStatement } from './leaf-statement.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';

/** An Ed25519 signature (RFC 8032 §5.1.6). */
const signatureLength = 64;

export type LeafOf<Kind extends LeafStatement['kind']> = Extract<LeafStatement, { kind: Kind }>;

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

/** A signed statement that holds no other, of one of the kinds. */
export function readSigned<Kind extends LeafStatement['kind']>(
  reader: Reader,
  cluster: ClusterId,
  ...kinds: readonly Kind[]
): Signed<LeafOf<Kind>> {
  return readSignedAs(reader, (bytes) => decodeLeafOf(cluster, bytes, kinds));
}

/** A signed statement as `decode` understands its bytes. */
export function readSignedAs<S>(reader: Reader, decode: (bytes: Uint8Array) => S): Signed<S> {
  const bytes = reader.bytes();
  return { statement: decode(bytes), bytes, signature: readSignature(reader) };
}

export function decodeLeafOf<Kind extends LeafStatement['kind']>(
  cluster: ClusterId,
  bytes: Uint8Array,
  kinds: readonly Kind[],
): LeafOf<Kind> {
  const statement = decodeLeaf(cluster, bytes);
  if (!isOneOf(statement, kinds)) throw new WireError(`a ${statement.kind} where none belongs`);
  return statement;
}

function isOneOf<Kind extends LeafStatement['kind']>(
  statement: LeafStatement,
  kinds: readonly Kind[],
): statement is LeafOf<Kind> {
  return (kinds as readonly LeafStatement['kind'][]).includes(statement.kind);
}
