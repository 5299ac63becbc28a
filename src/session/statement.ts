import { type Reader, readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import {
  choice,
  readDigest,
  readName,
  readReplica,
  readSignedAs,
  writeDigest,
  writeName,
  writeReplica,
  writeSigned,
} from '../kernel/codec/fields.js';
import { type ClusterId, clientId, unreachable } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import {
  readApplication,
  readCount,
  readKey,
  readSessionHeader,
  readSessionId,
  writeApplication,
  writeCount,
  writeKey,
  writeSessionHeader,
  writeSessionId,
} from './run.js';
import {
  type AttestationStatement,
  type OrderOutcome,
  type SessionStatement,
  sessionLimits,
} from './types.js';

export type SessionStatementOf<Kind extends SessionStatement['kind']> = Extract<
  SessionStatement,
  { readonly kind: Kind }
>;

const subjectKind = choice<AttestationStatement['subject']['kind']>('session', 'state');
const orderOutcome = choice<OrderOutcome['kind']>('committed', 'aborted');

/** The bytes to sign. Throws `WireError` for what no bytes can say. */
export function encodeSessionStatement(
  cluster: ClusterId,
  statement: SessionStatement,
): Uint8Array {
  const writer = new Writer();
  writeSessionHeader(writer, statement.kind, cluster);
  writeFields(writer, statement);
  return writer.finish();
}

/** What signed bytes say. Throws `WireError` unless they are a statement of this cluster. */
export function decodeSessionStatement(cluster: ClusterId, bytes: Uint8Array): SessionStatement {
  return readAll(bytes, (reader) => readFields(reader, readSessionHeader(reader, cluster)));
}

export function decodeSessionStatementOf<Kind extends SessionStatement['kind']>(
  cluster: ClusterId,
  bytes: Uint8Array,
  kind: Kind,
): SessionStatementOf<Kind> {
  const statement = decodeSessionStatement(cluster, bytes);
  if (!isOf(statement, kind)) throw new WireError(`a ${statement.kind} where a ${kind} belongs`);
  return statement;
}

/** A signed statement of one kind. */
export function readSessionSigned<Kind extends SessionStatement['kind']>(
  reader: Reader,
  cluster: ClusterId,
  kind: Kind,
): Signed<SessionStatementOf<Kind>> {
  return readSignedAs(reader, (bytes) => decodeSessionStatementOf(cluster, bytes, kind));
}

export function encodeSessionSigned(signed: Signed<SessionStatement>): Uint8Array {
  const writer = new Writer();
  writeSigned(writer, signed);
  return writer.finish();
}

export function decodeSessionSigned<Kind extends SessionStatement['kind']>(
  cluster: ClusterId,
  bytes: Uint8Array,
  kind: Kind,
): Signed<SessionStatementOf<Kind>> {
  return readAll(bytes, (reader) => readSessionSigned(reader, cluster, kind));
}

export function writeSubject(writer: Writer, subject: AttestationStatement['subject']): void {
  subjectKind.write(writer, subject.kind);
  if (subject.kind === 'session') return writeSessionId(writer, subject.session);
  writeApplication(writer, subject.application);
  writeKey(writer, subject.key);
}

export function readSubject(reader: Reader): AttestationStatement['subject'] {
  const kind = subjectKind.read(reader);
  if (kind === 'session') return { kind, session: readSessionId(reader) };
  const application = readApplication(reader);
  return { kind, application, key: readKey(reader) };
}

export function writeLane(writer: Writer, lane: number): void {
  if (lane >= sessionLimits.lanes) throw new WireError('no such lane');
  writer.u16(lane);
}

export function readLane(reader: Reader): number {
  const lane = reader.u16();
  if (lane >= sessionLimits.lanes) throw new WireError('no such lane');
  return lane;
}

export function writeOrderOutcome(writer: Writer, outcome: OrderOutcome): void {
  orderOutcome.write(writer, outcome.kind);
  if (outcome.kind === 'aborted') writer.text(outcome.reason, sessionLimits.payloadBytes);
}

export function readOrderOutcome(reader: Reader): OrderOutcome {
  const kind = orderOutcome.read(reader);
  return kind === 'aborted' ? { kind, reason: reader.text(sessionLimits.payloadBytes) } : { kind };
}

function writeFields(writer: Writer, statement: SessionStatement): void {
  switch (statement.kind) {
    case 'receipt':
      writeOperationFields(writer, statement);
      writer.u64(statement.base);
      writeDigest(writer, statement.baseHistory);
      writer.u64(statement.deadline);
      return writeReplica(writer, statement.replica);
    case 'witness':
      writeOperationFields(writer, statement);
      return writeReplica(writer, statement.replica);
    case 'history':
      writeCount(writer, statement.position);
      writeDigest(writer, statement.before);
      return writeDigest(writer, statement.root);
    case 'attestation':
      writeSubject(writer, statement.subject);
      writer.flag(statement.value !== null);
      if (statement.value !== null) writeDigest(writer, statement.value);
      return writer.u64(statement.position);
    case 'order':
      writeLane(writer, statement.lane);
      writeCount(writer, statement.number);
      writeName(writer, statement.owner, clientId);
      return writeDigest(writer, statement.transfers);
    case 'order-report':
      writeLane(writer, statement.lane);
      writeCount(writer, statement.number);
      writeOrderOutcome(writer, statement.outcome);
      return writeReplica(writer, statement.replica);
    default:
      return unreachable(statement);
  }
}

function readFields(reader: Reader, kind: SessionStatement['kind']): SessionStatement {
  switch (kind) {
    case 'receipt': {
      const operation = readOperationFields(reader);
      const base = reader.u64();
      const baseHistory = readDigest(reader);
      const deadline = reader.u64();
      return { kind, ...operation, base, baseHistory, deadline, replica: readReplica(reader) };
    }
    case 'witness':
      return { kind, ...readOperationFields(reader), replica: readReplica(reader) };
    case 'history': {
      const position = readCount(reader);
      const before = readDigest(reader);
      return { kind, position, before, root: readDigest(reader) };
    }
    case 'attestation': {
      const subject = readSubject(reader);
      const value = reader.flag() ? readDigest(reader) : null;
      return { kind, subject, value, position: reader.u64() };
    }
    case 'order': {
      const lane = readLane(reader);
      const number = readCount(reader);
      const owner = readName(reader, clientId);
      return { kind, lane, number, owner, transfers: readDigest(reader) };
    }
    case 'order-report': {
      const lane = readLane(reader);
      const number = readCount(reader);
      const outcome = readOrderOutcome(reader);
      return { kind, lane, number, outcome, replica: readReplica(reader) };
    }
    default:
      return unreachable(kind);
  }
}

type OperationFields = Pick<
  SessionStatementOf<'witness'>,
  'session' | 'sequence' | 'head' | 'result'
>;

function writeOperationFields(writer: Writer, fields: OperationFields): void {
  writeSessionId(writer, fields.session);
  writeCount(writer, fields.sequence);
  writeDigest(writer, fields.head);
  writeDigest(writer, fields.result);
}

function readOperationFields(reader: Reader): OperationFields {
  const session = readSessionId(reader);
  const sequence = readCount(reader);
  const head = readDigest(reader);
  return { session, sequence, head, result: readDigest(reader) };
}

function isOf<Kind extends SessionStatement['kind']>(
  statement: SessionStatement,
  kind: Kind,
): statement is SessionStatementOf<Kind> {
  return statement.kind === kind;
}
