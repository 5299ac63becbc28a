import { type Reader, readAll, Writer } from '../kernel/codec/bytes.js';
import {
  checkRising,
  choice,
  readSharedAs,
  readTransactionId,
  writeName,
  writeShared,
  writeSigned,
  writeTransactionId,
} from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import { digestOfHex, sha256 } from '../kernel/digest.js';
import {
  type ClusterId,
  type Digest,
  type EnlistmentId,
  enlistmentId,
  type TransactionId,
  unreachable,
  type View,
} from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type {
  AbortReason,
  ActivationValue,
  ClosingCertificate,
  OutcomeValue,
  ParticipantRecord,
  SlotResult,
  SlotValue,
} from './messages.js';
import {
  decodeLeafOf,
  encodeActivationName,
  encodeActivationRequest,
  outcome,
  readSigned,
} from './statement-codec.js';
import type { ActivationStatement } from './statements.js';

/** Starts the text whose digest a collective UUID is. */
const label = new TextEncoder().encode('concordat/1 collective uuid');

/** An outcome with a closing certificate is of a kind of its own, so that no byte is spent where there is none. */
const valueKind = choice<SlotValue['kind'] | 'closed-outcome'>(
  'activation',
  'outcome',
  'closed-outcome',
);
const reason = choice<AbortReason | 'none'>('none', 'vote', 'rollback', 'timeout');

/** The bytes under the digest of a phase statement. */
export function encodeValue(value: SlotValue): Uint8Array {
  const writer = new Writer();
  writeValue(writer, value);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are exactly what `encodeValue` makes of the value. */
export function decodeValue(cluster: ClusterId, bytes: Uint8Array): SlotValue {
  return readAll(bytes, (reader) => readValue(reader, cluster));
}

export function writeValue(writer: Writer, value: SlotValue): void {
  const isClosed = value.kind === 'outcome' && value.closing !== undefined;
  valueKind.write(writer, isClosed ? 'closed-outcome' : value.kind);
  if (value.kind === 'activation') return writeActivation(writer, value);
  writeOutcome(writer, value);
  if (value.closing) writeShared(writer, value.closing);
}

export function readValue(reader: Reader, cluster: ClusterId): SlotValue {
  const kind = valueKind.read(reader);
  switch (kind) {
    case 'activation':
      return readActivation(reader, cluster);
    case 'outcome':
      return readOutcome(reader, cluster);
    case 'closed-outcome':
      return { ...readOutcome(reader, cluster), closing: readClosing(reader, cluster) };
    default:
      return unreachable(kind);
  }
}

function readClosing(reader: Reader, cluster: ClusterId): ClosingCertificate {
  return readSharedAs(reader, (bytes) => decodeLeafOf(cluster, bytes, ['closing']));
}

function writeActivation(writer: Writer, value: ActivationValue): void {
  checkProposals(value);
  writer.list(value.requests, limits.replicas, (request) => writeSigned(writer, request));
  writer.list(value.proposals, limits.replicas, (proposal) => writeSigned(writer, proposal));
}

function readActivation(reader: Reader, cluster: ClusterId): ActivationValue {
  const value: ActivationValue = {
    kind: 'activation',
    requests: reader.list(limits.replicas, () => readSigned(reader, cluster, 'activation')),
    proposals: reader.list(limits.replicas, () => readSigned(reader, cluster, 'proposal')),
  };
  checkProposals(value);
  return value;
}

function checkProposals(value: ActivationValue): void {
  checkRising(value.proposals, ({ statement }) => statement.replica);
}

function writeOutcome(writer: Writer, value: OutcomeValue): void {
  checkRecords(value);
  writeTransactionId(writer, value.tid);
  outcome.write(writer, value.outcome);
  reason.write(writer, value.reason ?? 'none');
  writer.list(value.records, limits.participants, (record) => writeRecord(writer, record));
  writer.list(value.completion, limits.replicas, (statement) => writeSigned(writer, statement));
}

function readOutcome(reader: Reader, cluster: ClusterId): OutcomeValue {
  const head = { tid: readTransactionId(reader), outcome: outcome.read(reader) };
  const why = reason.read(reader);
  const value: OutcomeValue = {
    kind: 'outcome',
    ...head,
    ...(why === 'none' ? {} : { reason: why }),
    records: reader.list(limits.participants, () => readRecord(reader, cluster)),
    completion: reader.list(limits.replicas, () => readSigned(reader, cluster, 'completion')),
  };
  checkRecords(value);
  return value;
}

function checkRecords(value: OutcomeValue): void {
  checkRising(value.records, ({ registration }) => registration.statement.enlistment);
}

function writeRecord(writer: Writer, record: ParticipantRecord): void {
  writeSigned(writer, record.registration);
  writer.flag(record.vote !== undefined);
  if (record.vote !== undefined) writeSigned(writer, record.vote);
}

function readRecord(reader: Reader, cluster: ClusterId): ParticipantRecord {
  const registration = readSigned(reader, cluster, 'registration');
  return reader.flag()
    ? { registration, vote: readSigned(reader, cluster, 'vote') }
    : { registration };
}

type Requests = readonly Signed<ActivationStatement>[];

export function writeRequests(writer: Writer, requests: Requests): void {
  writer.list(requests, limits.replicas, (request) => writeSigned(writer, request));
}

export function readRequests(reader: Reader, cluster: ClusterId): Requests {
  return reader.list(limits.replicas, () => readSigned(reader, cluster, 'activation'));
}

export function encodeRequests(requests: Requests): Uint8Array {
  const writer = new Writer();
  writeRequests(writer, requests);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are requests of this cluster; checks no signature. */
export function decodeRequests(cluster: ClusterId, bytes: Uint8Array): Requests {
  return readAll(bytes, (reader) => readRequests(reader, cluster));
}

/** The digest that a phase statement carries for its value. */
export function digestOfValue(value: SlotValue): Digest {
  return sha256(encodeValue(value));
}

/** What a closing statement says of the enlistments, which come in any order. */
export function digestOfEnlistments(enlistments: Iterable<EnlistmentId>): Digest {
  const writer = new Writer();
  writer.list([...enlistments].sort(), limits.participants, (id) =>
    writeName(writer, id, enlistmentId),
  );
  return sha256(writer.finish());
}

/**
 * The view in which a quorum stated that nothing of earlier views bound them in the slot (two steps): with a UUID, or by
 * closing the transaction. Undefined for an outcome that no quorum has closed.
 */
export function witnessedIn(value: SlotValue): View | undefined {
  return value.kind === 'activation'
    ? value.proposals[0]?.statement.view
    : value.closing?.statement.view;
}

/**
 * The `request` of the activation slot that a statement asks for: the digest of the client and its
 * timestamp. All that a client asks for with one timestamp meets in one slot, and the slot is decided once.
 */
export function activationSlotRequest(statement: ActivationStatement): Digest {
  return sha256(encodeActivationName(statement));
}

/** The digest of all that a statement says but for the initiator: `f + 1` initiators have to say it alike. */
export function activationContent(statement: ActivationStatement): Digest {
  return sha256(encodeActivationRequest(statement));
}

/**
 * The collective UUID of an activation (Zhao §4.1): SHA-256 over the sorted proposals and the
 * request's content, its first 16 bytes shaped as a UUID version 8 (RFC 9562 §5.8).
 *
 * A hash and not the paper's average: with an average, the replica that reveals last chooses the result.
 * Throws `RangeError` where the value holds no request.
 */
export function collectiveTransactionId(value: ActivationValue): TransactionId {
  const [request] = value.requests;
  if (request === undefined) throw new RangeError('an activation without a request');
  const uuids = value.proposals.map(({ statement }) => statement.uuid).sort();
  const hex = digestOfHex(label, [activationContent(request.statement), ...uuids]).slice(0, 32);
  const variant = (8 | (Number.parseInt(hex.charAt(16), 16) & 3)).toString(16);
  const third = `8${hex.slice(13, 16)}`;
  const fourth = `${variant}${hex.slice(17, 20)}`;
  const groups = [hex.slice(0, 8), hex.slice(8, 12), third, fourth, hex.slice(20)];
  return groups.join('-') as TransactionId;
}

/** What an activation slot decides with this value. Throws `RangeError` where the value holds no request. */
export function activationResult(value: ActivationValue): SlotResult {
  const [request] = value.requests;
  if (request === undefined) throw new RangeError('an activation without a request');
  const content = activationContent(request.statement);
  return { kind: 'activation', tid: collectiveTransactionId(value), content };
}
