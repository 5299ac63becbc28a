import type {
  AbortReason,
  ActivationValue,
  OutcomeValue,
  ParticipantRecord,
  SlotValue,
} from '../vocabulary/agreement.js';
import type { ClusterId } from '../vocabulary/ids.js';
import { checkRising, choice, outcome, readTransactionId, writeTransactionId } from './fields.js';
import { limits } from './limits.js';
import { type Reader, readAll } from './reader.js';
import { writeSigned } from './signature.js';
import { readSigned } from './signed.js';
import { Writer } from './writer.js';

const valueKind = choice<SlotValue['kind']>('activation', 'outcome');
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
  valueKind.write(writer, value.kind);
  if (value.kind === 'activation') writeActivation(writer, value);
  else writeOutcome(writer, value);
}

export function readValue(reader: Reader, cluster: ClusterId): SlotValue {
  return valueKind.read(reader) === 'activation'
    ? readActivation(reader, cluster)
    : readOutcome(reader, cluster);
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
