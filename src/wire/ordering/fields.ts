import { type ClusterId, clientId, clusterId } from '../../vocabulary/ids.js';
import type {
  Batch,
  CycleValue,
  OrderingRequest,
  OrderingScope,
  OrderingStatement,
} from '../../vocabulary/ordering.js';
import { WireError } from '../error.js';
import { checkRising, choice, readName, readReplica, writeName, writeReplica } from '../fields.js';
import { limits } from '../limits.js';
import { type Reader, readAll } from '../reader.js';
import { Writer } from '../writer.js';
import { orderingLimits } from './limits.js';

const domain = new TextEncoder().encode('concordat-ordering/1');

export const scope = choice<OrderingScope>('pbft', 'decision-module', 'antipaxos');

/** What a signature is for; the three phases differ, so that none passes for another. */
export type OrderingSignedKind =
  | Exclude<OrderingStatement['kind'], 'phase'>
  | 'pre-prepare'
  | 'prepare'
  | 'commit';

const signedKind = choice<OrderingSignedKind>(
  'pre-prepare',
  'prepare',
  'commit',
  'checkpoint',
  'view-change',
  'new-view',
  'proposal',
  'report',
);

/** Starts every signed text: domain and version, kind, scope and cluster. */
export function writeOrderingHeader(
  writer: Writer,
  kind: OrderingSignedKind,
  of: OrderingScope,
  cluster: ClusterId,
): void {
  writer.raw(domain);
  signedKind.write(writer, kind);
  scope.write(writer, of);
  writeName(writer, cluster, clusterId);
}

/** Throws `WireError` for another domain, version or cluster. */
export function readOrderingHeader(
  reader: Reader,
  cluster: ClusterId,
): { readonly kind: OrderingSignedKind; readonly scope: OrderingScope } {
  reader.literal(domain, 'an ordering statement of this version');
  const kind = signedKind.read(reader);
  const of = scope.read(reader);
  if (readName(reader, clusterId) !== cluster) throw new WireError('statement of another cluster');
  return { kind, scope: of };
}

export function writeRequest(writer: Writer, request: OrderingRequest): void {
  writeName(writer, request.client, clientId);
  writer.u64(request.number);
  if (request.payload.length > orderingLimits.payloadBytes) throw new WireError('payload too long');
  writer.bytes(request.payload);
}

export function readRequest(reader: Reader): OrderingRequest {
  const client = readName(reader, clientId);
  const number = reader.u64();
  const payload = reader.bytes();
  if (payload.length > orderingLimits.payloadBytes) throw new WireError('payload too long');
  return { client, number, payload };
}

/**
 * The encodings of batches and values, which are hashed, sent, kept on disk and sent on: one value has
 * one encoding, and nobody changes a value. They are forgotten with it.
 */
const encodings = new WeakMap<Batch | CycleValue, Uint8Array>();

export function writeBatch(writer: Writer, batch: Batch): void {
  writer.raw(encodeBatch(batch));
}

export function readBatch(reader: Reader): Batch {
  return remembered(reader, () =>
    reader.list(orderingLimits.batchRequests, () => readRequest(reader)),
  );
}

export function writeCycleValue(writer: Writer, value: CycleValue): void {
  writer.raw(encodeCycleValue(value));
}

export function readCycleValue(reader: Reader): CycleValue {
  return remembered(reader, () => {
    const batch = reader.list(orderingLimits.batchRequests, () => readRequest(reader));
    const readmit = reader.list(limits.replicas, () => readReplica(reader));
    checkRising(readmit, (replica) => replica);
    return { batch, readmit };
  });
}

/** The bytes that a batch's digest is of. */
export function encodeBatch(batch: Batch): Uint8Array {
  return encoded(batch, (writer) => writeRequests(writer, batch));
}

export function decodeBatch(bytes: Uint8Array): Batch {
  return readAll(bytes, readBatch);
}

/** The bytes that a value's digest is of. */
export function encodeCycleValue(value: CycleValue): Uint8Array {
  return encoded(value, (writer) => {
    writeRequests(writer, value.batch);
    checkRising(value.readmit, (replica) => replica);
    writer.list(value.readmit, limits.replicas, (replica) => writeReplica(writer, replica));
  });
}

export function decodeCycleValue(bytes: Uint8Array): CycleValue {
  return readAll(bytes, readCycleValue);
}

function writeRequests(writer: Writer, batch: Batch): void {
  writer.list(batch, orderingLimits.batchRequests, (request) => writeRequest(writer, request));
}

function encoded(value: Batch | CycleValue, write: (writer: Writer) => void): Uint8Array {
  const known = encodings.get(value);
  if (known) return known;
  const writer = new Writer();
  write(writer);
  const bytes = writer.finish();
  encodings.set(value, bytes);
  return bytes;
}

function remembered<V extends Batch | CycleValue>(reader: Reader, read: () => V): V {
  const { value, bytes } = reader.recorded(read);
  encodings.set(value, bytes);
  return value;
}
