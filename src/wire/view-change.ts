import {
  type NewViewStatement,
  type SignedViewChange,
  slotKey,
  type ViewChangeStatement,
} from '../vocabulary/agreement.js';
import type { ClusterId } from '../vocabulary/ids.js';
import { readPreparedCertificate, writePreparedCertificate } from './certificate.js';
import { WireError } from './error.js';
import { checkRising, readReplica, readView, writeReplica, writeView } from './fields.js';
import { readHeader, type SignedKind, writeHeader } from './header.js';
import { limits } from './limits.js';
import { type Reader, readAll } from './reader.js';
import { readSignedAs, writeSigned } from './signature.js';
import { Writer } from './writer.js';

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
