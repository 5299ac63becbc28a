import type { ClusterId } from '../vocabulary/ids.js';
import type { Signed } from '../vocabulary/statements.js';
import { WireError } from './error.js';
import { decodeLeaf, type LeafStatement } from './leaf-statement.js';
import type { Reader } from './reader.js';
import { readSignedAs } from './signature.js';

export type LeafOf<Kind extends LeafStatement['kind']> = Extract<LeafStatement, { kind: Kind }>;

/** A signed statement that is no view change or new view, of one of the kinds. */
export function readSigned<Kind extends LeafStatement['kind']>(
  reader: Reader,
  cluster: ClusterId,
  ...kinds: readonly Kind[]
): Signed<LeafOf<Kind>> {
  return readSignedAs(reader, (bytes) => decodeLeafOf(cluster, bytes, kinds));
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
