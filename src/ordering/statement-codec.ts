import { type Reader, readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import {
  checkRising,
  readDigest,
  readReplica,
  readSharedAs,
  readSignature,
  readSignedAs,
  readView,
  writeDigest,
  writeReplica,
  writeShared,
  writeSignature,
  writeSigned,
  writeView,
} from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import type { ClusterId, Digest } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import { orderingLimits, readOrderingHeader, writeOrderingHeader } from './fields.js';
import { readSpecReply, writeSpecReply } from './instance-codec.js';
import type { StatementOf, StatementReader } from './statement-reader.js';
import {
  readConfirmation,
  readTwoStepNewView,
  readTwoStepViewChange,
  writeConfirmation,
  writeTwoStepNewView,
  writeTwoStepViewChange,
} from './two-step-codec.js';
import type {
  CheckpointCertificate,
  CheckpointStatement,
  Cycle,
  OrderingScope,
  OrderingStatement,
  ProposalStatement,
  ReportEntry,
  ReportStatement,
  SequenceNewView,
  SequenceNumber,
  SequencePhase,
  SequencePrepared,
  SequenceViewChange,
  SharedCertificate,
} from './types.js';

export function statementReader(reader: Reader, cluster: ClusterId): StatementReader {
  return {
    reader,
    signed: (kind) => readOrderingSigned(reader, cluster, kind),
    shared: (kind) => readShared(reader, cluster, kind),
  };
}

/** The bytes to sign. Throws `WireError` for what no bytes can say. */
export function encodeOrderingStatement(
  cluster: ClusterId,
  statement: OrderingStatement,
): Uint8Array {
  const writer = new Writer();
  const kind = statement.kind === 'phase' ? statement.phase : statement.kind;
  writeOrderingHeader(writer, kind, statement.scope, cluster);
  writeFields(writer, statement);
  return writer.finish();
}

function writeFields(writer: Writer, statement: OrderingStatement): void {
  switch (statement.kind) {
    case 'phase':
      writeView(writer, statement.view);
      writer.u64(statement.sequence);
      return writeDigest(writer, statement.digest);
    case 'checkpoint':
      writer.u64(statement.position);
      return writeDigest(writer, statement.digest);
    case 'view-change':
      return writeViewChange(writer, statement);
    case 'new-view':
      writeView(writer, statement.view);
      checkRising(statement.viewChanges, ({ statement: { replica } }) => replica);
      return writer.list(statement.viewChanges, limits.replicas, (one) => writeSigned(writer, one));
    case 'proposal':
      writer.u64(statement.cycle);
      writeReplica(writer, statement.replica);
      return writeDigest(writer, statement.digest);
    case 'report':
      writer.u64(statement.cycle);
      writeReplica(writer, statement.replica);
      return writer.list(statement.entries, limits.replicas, (entry) => writeEntry(writer, entry));
    case 'spec-reply':
      return writeSpecReply(writer, statement);
    case 'confirmation':
      return writeConfirmation(writer, statement);
    case 'two-step-view-change':
      return writeTwoStepViewChange(writer, statement);
    case 'two-step-new-view':
      return writeTwoStepNewView(writer, statement);
  }
}

/** What signed bytes say. Throws `WireError` unless they are a statement of this cluster. */
function decodeOrderingStatement(cluster: ClusterId, bytes: Uint8Array): OrderingStatement {
  return readAll(bytes, (reader) => {
    const { kind, scope } = readOrderingHeader(reader, cluster);
    switch (kind) {
      case 'pre-prepare':
      case 'prepare':
      case 'commit':
        return readPhase(reader, scope, kind);
      case 'checkpoint':
        return { kind, scope, position: reader.u64(), digest: readDigest(reader) };
      case 'view-change':
        return readViewChange(reader, scope, cluster);
      case 'new-view':
        return readNewView(reader, scope, cluster);
      case 'proposal':
        return readProposal(reader, antipaxosOnly(scope));
      case 'report':
        return readReport(reader, antipaxosOnly(scope));
      case 'spec-reply':
        return readSpecReply(reader, scope);
      case 'confirmation':
        return readConfirmation(reader, scope);
      case 'two-step-view-change':
        return readTwoStepViewChange(statementReader(reader, cluster), scope);
      case 'two-step-new-view':
        return readTwoStepNewView(statementReader(reader, cluster), scope);
    }
  });
}

/** A signed statement of one kind. */
export function readOrderingSigned<Kind extends OrderingStatement['kind']>(
  reader: Reader,
  cluster: ClusterId,
  kind: Kind,
): Signed<StatementOf<Kind>> {
  return readSignedAs(reader, (bytes) => decodeOf(cluster, bytes, kind));
}

export function decodeOrderingSigned<Kind extends OrderingStatement['kind']>(
  cluster: ClusterId,
  bytes: Uint8Array,
  kind: Kind,
): Signed<StatementOf<Kind>> {
  return readAll(bytes, (reader) => readOrderingSigned(reader, cluster, kind));
}

export function encodeOrderingSigned(signed: Signed<OrderingStatement>): Uint8Array {
  const writer = new Writer();
  writeSigned(writer, signed);
  return writer.finish();
}

export { writeShared };

export function readShared<Kind extends OrderingStatement['kind']>(
  reader: Reader,
  cluster: ClusterId,
  kind: Kind,
): SharedCertificate<StatementOf<Kind>> {
  return readSharedAs(reader, (bytes) => decodeOf(cluster, bytes, kind));
}

export function writePrepared(writer: Writer, prepared: SequencePrepared): void {
  writeSigned(writer, prepared.prePrepare);
  writeShared(writer, prepared.prepares);
}

export function readPrepared(reader: Reader, cluster: ClusterId): SequencePrepared {
  const prePrepare = readOrderingSigned(reader, cluster, 'phase');
  return { prePrepare, prepares: readShared(reader, cluster, 'phase') };
}

function decodeOf<Kind extends OrderingStatement['kind']>(
  cluster: ClusterId,
  bytes: Uint8Array,
  kind: Kind,
): StatementOf<Kind> {
  const statement = decodeOrderingStatement(cluster, bytes);
  if (!isOf(statement, kind)) throw new WireError(`a ${statement.kind} where a ${kind} belongs`);
  return statement;
}

function isOf<Kind extends OrderingStatement['kind']>(
  statement: OrderingStatement,
  kind: Kind,
): statement is StatementOf<Kind> {
  return statement.kind === kind;
}

function antipaxosOnly(scope: OrderingScope): 'antipaxos' {
  if (scope !== 'antipaxos') throw new WireError('a cycle outside Antipaxos');
  return scope;
}

function readPhase(
  reader: Reader,
  scope: OrderingScope,
  phase: SequencePhase['phase'],
): SequencePhase {
  const view = readView(reader);
  const sequence = reader.u64() as SequenceNumber;
  return { kind: 'phase', scope, phase, view, sequence, digest: readDigest(reader) };
}

function writeViewChange(writer: Writer, statement: SequenceViewChange): void {
  writeView(writer, statement.view);
  writeReplica(writer, statement.replica);
  writeStable(writer, statement.stable);
  checkRising(statement.prepared, sequenceOf);
  writer.list(statement.prepared, orderingLimits.window, (one) => writePrepared(writer, one));
  checkRising(statement.committed, placeOf);
  writer.list(statement.committed, orderingLimits.window, (one) => writeShared(writer, one));
}

function readViewChange(
  reader: Reader,
  scope: OrderingScope,
  cluster: ClusterId,
): SequenceViewChange {
  const view = readView(reader);
  const replica = readReplica(reader);
  const stable = readStable(reader, cluster);
  const prepared = reader.list(orderingLimits.window, () => readPrepared(reader, cluster));
  checkRising(prepared, sequenceOf);
  const committed = reader.list(orderingLimits.window, () => readShared(reader, cluster, 'phase'));
  checkRising(committed, placeOf);
  return { kind: 'view-change', scope, view, replica, stable, prepared, committed };
}

function sequenceOf({ prePrepare }: SequencePrepared): number {
  return prePrepare.statement.sequence;
}

function placeOf({ statement }: SharedCertificate<SequencePhase>): number {
  return statement.sequence;
}

function writeStable(writer: Writer, stable: CheckpointCertificate | null): void {
  writer.flag(stable !== null);
  if (stable) writeShared(writer, stable);
}

function readStable(
  reader: Reader,
  cluster: ClusterId,
): SharedCertificate<CheckpointStatement> | null {
  return reader.flag() ? readShared(reader, cluster, 'checkpoint') : null;
}

function readNewView(reader: Reader, scope: OrderingScope, cluster: ClusterId): SequenceNewView {
  const view = readView(reader);
  const viewChanges = reader.list(limits.replicas, () =>
    readOrderingSigned(reader, cluster, 'view-change'),
  );
  checkRising(viewChanges, ({ statement: { replica } }) => replica);
  return { kind: 'new-view', scope, view, viewChanges };
}

function readProposal(reader: Reader, scope: 'antipaxos'): ProposalStatement {
  const cycle = reader.u64() as Cycle;
  const replica = readReplica(reader);
  return { kind: 'proposal', scope, cycle, replica, digest: readDigest(reader) };
}

function readReport(reader: Reader, scope: 'antipaxos'): ReportStatement {
  const cycle = reader.u64() as Cycle;
  const replica = readReplica(reader);
  const entries = reader.list(limits.replicas, () => readEntry(reader));
  return { kind: 'report', scope, cycle, replica, entries };
}

function writeEntry(writer: Writer, entry: ReportEntry | null): void {
  writer.flag(entry !== null);
  if (!entry) return;
  writeDigest(writer, entry.digest);
  writeSignature(writer, entry.signature);
}

function readEntry(reader: Reader): ReportEntry | null {
  if (!reader.flag()) return null;
  const digest: Digest = readDigest(reader);
  return { digest, signature: readSignature(reader) };
}
