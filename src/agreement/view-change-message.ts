import { type Reader, readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import {
  checkRising,
  readHeader,
  readReplica,
  readSignedAs,
  readView,
  type SignedKind,
  writeHeader,
  writeReplica,
  writeSigned,
  writeView,
} from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import { type ClusterId, primaryOf, quorum } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type { Verifier } from '../kernel/verifier.js';
import { checkPrepared, readPreparedCertificate, writePreparedCertificate } from './certificate.js';
import {
  atLeast,
  checkSignature,
  type Finding,
  firstFinding,
  mismatchUnless,
  replicaSigner,
  rising,
} from './check-signature.js';
import {
  type NewViewStatement,
  type PreparedCertificate,
  type SignedViewChange,
  slotKey,
  type ViewChangeStatement,
} from './messages.js';

/** The bytes to sign. They hold the prepared certificates in full. */
export function encodeViewChange(cluster: ClusterId, statement: ViewChangeStatement): Uint8Array {
  checkLocks(statement);
  const writer = new Writer();
  writeHeader(writer, 'view-change', cluster);
  writeView(writer, statement.view);
  writer.list(statement.prepared, limits.preparedCertificates, (certificate) =>
    writePreparedCertificate(writer, certificate),
  );
  return writer.finish();
}

export function decodeViewChange(cluster: ClusterId, bytes: Uint8Array): ViewChangeStatement {
  return readAll(bytes, (reader) => {
    expectKind('view-change', readHeader(reader, cluster));
    const statement: ViewChangeStatement = {
      kind: 'view-change',
      view: readView(reader),
      prepared: reader.list(limits.preparedCertificates, () =>
        readPreparedCertificate(reader, cluster),
      ),
    };
    checkLocks(statement);
    return statement;
  });
}

/** The bytes to sign. They hold the signed view changes in full. */
export function encodeNewView(cluster: ClusterId, statement: NewViewStatement): Uint8Array {
  checkRising(statement.viewChanges, ({ replica }) => replica);
  const writer = new Writer();
  writeHeader(writer, 'new-view', cluster);
  writeView(writer, statement.view);
  writer.list(statement.viewChanges, limits.replicas, (signed) =>
    writeSignedViewChange(writer, signed),
  );
  return writer.finish();
}

export function decodeNewView(cluster: ClusterId, bytes: Uint8Array): NewViewStatement {
  return readAll(bytes, (reader) => {
    expectKind('new-view', readHeader(reader, cluster));
    const statement: NewViewStatement = {
      kind: 'new-view',
      view: readView(reader),
      viewChanges: reader.list(limits.replicas, () => readSignedViewChange(reader, cluster)),
    };
    checkRising(statement.viewChanges, ({ replica }) => replica);
    return statement;
  });
}

/** All replicas locked alike sign the same bytes, so the replica stands beside them. */
export function writeSignedViewChange(writer: Writer, signed: SignedViewChange): void {
  writeReplica(writer, signed.replica);
  writeSigned(writer, signed);
}

export function readSignedViewChange(reader: Reader, cluster: ClusterId): SignedViewChange {
  const replica = readReplica(reader);
  return { replica, ...readSignedAs(reader, (bytes) => decodeViewChange(cluster, bytes)) };
}

function checkLocks({ prepared }: ViewChangeStatement): void {
  checkRising(prepared, ({ prePrepare }) => slotKey(prePrepare.statement.slot));
}

function expectKind(expected: SignedKind, found: SignedKind): void {
  if (found !== expected) throw new WireError(`a ${found} where a ${expected} belongs`);
}

/** Signed by the replica beside it, and every lock in it real and of an earlier view. */
export function checkViewChange(keyring: Verifier, signed: SignedViewChange): Finding {
  const { view, prepared } = signed.statement;
  return (
    rising(
      prepared.map(({ prePrepare }) => slotKey(prePrepare.statement.slot)),
      'prepared certificates',
    ) ??
    firstFinding(prepared, ({ prePrepare }) =>
      mismatchUnless(prePrepare.statement.ballot.view < view, 'view of a prepared certificate'),
    ) ??
    checkSignature(keyring, replicaSigner(signed.replica), signed) ??
    firstFinding(prepared, (certificate: PreparedCertificate) =>
      checkPrepared(keyring, certificate),
    )
  );
}

/** Signed by the primary of the view that it opens, with a quorum of view changes to that view. */
export function checkNewView(keyring: Verifier, signed: Signed<NewViewStatement>): Finding {
  const { view, viewChanges } = signed.statement;
  const primary = primaryOf(keyring.resilience, view);
  return (
    atLeast(quorum(keyring.resilience), viewChanges, 'view changes') ??
    rising(
      viewChanges.map(({ replica }) => replica),
      'view changes',
    ) ??
    firstFinding(viewChanges, ({ statement }) =>
      mismatchUnless(statement.view === view, 'view of a view change'),
    ) ??
    checkSignature(keyring, replicaSigner(primary), signed) ??
    firstFinding(viewChanges, (viewChange) => checkViewChange(keyring, viewChange))
  );
}
