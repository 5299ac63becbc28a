import { Reader, readAll, Writer } from '../kernel/codec/bytes.js';
import { readHeader, readSignedAs, writeSigned } from '../kernel/codec/fields.js';
import { sha256 } from '../kernel/digest.js';
import type { ClusterId, Digest } from '../kernel/ids.js';
import type { Sign } from '../kernel/keys.js';
import { type Signed, signedBy } from '../kernel/signed.js';
import { decodeInvitation, encodeInvitation } from './invitation.js';
import type { NewViewStatement, ViewChangeStatement } from './messages.js';
import { decodeLeaf, encodeLeaf, type LeafStatement, readSigned } from './statement-codec.js';
import type { InvitationStatement, Statement } from './statements.js';
import {
  decodeNewView,
  decodeViewChange,
  encodeNewView,
  encodeViewChange,
} from './view-change-message.js';

/** All that anybody in a cluster signs. */
export type AnyStatement =
  | LeafStatement
  | InvitationStatement
  | ViewChangeStatement
  | NewViewStatement;

/**
 * The bytes to sign: the domain `concordat/1`, the kind, the cluster, then the fields, slot and view
 * first where the statement has them. A phase statement's bytes do not name the replica, so that one
 * text carries the signatures of a whole certificate. Throws `WireError` for what no bytes can say.
 */
export function encodeStatement(cluster: ClusterId, statement: AnyStatement): Uint8Array {
  switch (statement.kind) {
    case 'invitation':
      return encodeInvitation(cluster, statement);
    case 'view-change':
      return encodeViewChange(cluster, statement);
    case 'new-view':
      return encodeNewView(cluster, statement);
    default:
      return encodeLeaf(cluster, statement);
  }
}

/**
 * What signed bytes say. Throws `WireError` unless they are exactly what `encodeStatement` makes of it
 * in this cluster.
 */
export function decodeStatement(cluster: ClusterId, bytes: Uint8Array): AnyStatement {
  const kind = readHeader(new Reader(bytes), cluster);
  switch (kind) {
    case 'invitation':
      return decodeInvitation(cluster, bytes);
    case 'view-change':
      return decodeViewChange(cluster, bytes);
    case 'new-view':
      return decodeNewView(cluster, bytes);
    default:
      return decodeLeaf(cluster, bytes);
  }
}

/** A signed statement as it travels: its bytes verbatim, and the signature. */
export function encodeSigned(signed: Signed<AnyStatement>): Uint8Array {
  const writer = new Writer();
  writeSigned(writer, signed);
  return writer.finish();
}

/** Throws `WireError` for bytes that are no signed statement of this cluster; checks no signature. */
export function decodeSigned(cluster: ClusterId, bytes: Uint8Array): Signed<AnyStatement> {
  return readAll(bytes, (reader) =>
    readSignedAs(reader, (signed) => decodeStatement(cluster, signed)),
  );
}

/** Like `decodeSigned`, for what initiators and participants sign and nothing else. */
export function decodeSignedStatement(cluster: ClusterId, bytes: Uint8Array): Signed<Statement> {
  return readAll(bytes, (reader) =>
    readSigned(
      reader,
      cluster,
      'activation',
      'completion',
      'registration',
      'vote',
      'acknowledgement',
    ),
  );
}

/** Like `decodeSigned`, for an invitation. */
export function decodeSignedInvitation(
  cluster: ClusterId,
  bytes: Uint8Array,
): Signed<InvitationStatement> {
  return readAll(bytes, (reader) =>
    readSignedAs(reader, (signed) => decodeInvitation(cluster, signed)),
  );
}

/**
 * A statement as it travels: its bytes under this cluster, and the signature over them, which `signedBy` makes.
 */
export function signStatement<S extends AnyStatement>(
  sign: Sign,
  cluster: ClusterId,
  statement: S,
): Signed<S> {
  return signedBy(sign, encodeStatement(cluster, statement), statement);
}

/** Names one signed statement, signature included: what ba-pre-prepare-update calls its proposals. */
export function digestOfSigned(signed: Signed<AnyStatement>): Digest {
  return sha256(encodeSigned(signed));
}
