import { type Reader, readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import {
  checkRising,
  choice,
  readReplica,
  writeName,
  writeReplica,
} from '../kernel/codec/fields.js';
import { KnownNames } from '../kernel/codec/known-names.js';
import { limits } from '../kernel/codec/limits.js';
import { sha256 } from '../kernel/digest.js';
import { type ClientId, clientId, type Digest, type ReplicaId } from '../kernel/ids.js';
import { orderingLimits } from './fields.js';
import type {
  Batch,
  Complaint,
  ComplaintKind,
  Cycle,
  CycleValue,
  OrderingRequest,
} from './types.js';

/** The number of requests in a batch; and what each has besides name and payload: two lengths and a number. */
const countBytes = 2;
const framingBytes = 14;
/** Clients come in request after request. */
const clients = new KnownNames(clientId);
const knownClient = (text: string): ClientId => clients.of(text);

export function writeClient(writer: Writer, client: ClientId): void {
  writeName(writer, client, knownClient);
}

function writeRequest(writer: Writer, request: OrderingRequest): void {
  writeClient(writer, request.client);
  writer.u64(request.number);
  if (request.payload.length > orderingLimits.payloadBytes) throw new WireError('payload too long');
  writer.bytes(request.payload);
}

export function readClient(reader: Reader): ClientId {
  try {
    return reader.name(clients, limits.nameBytes);
  } catch (cause) {
    if (cause instanceof WireError) throw cause;
    throw new WireError('a name out of form', { cause });
  }
}

function readRequest(reader: Reader): OrderingRequest {
  const client = readClient(reader);
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
  return readEncoded(reader, () => readRequests(reader));
}

export function writeCycleValue(writer: Writer, value: CycleValue): void {
  writer.raw(encodeCycleValue(value));
}

export function readCycleValue(reader: Reader): CycleValue {
  return readEncoded(reader, () => {
    const batch = readRequests(reader);
    const readmit = reader.list(limits.replicas, () => readReplica(reader));
    checkRising(readmit, (replica) => replica);
    const complaints = reader.list(orderingLimits.complaints, () => readComplaint(reader));
    checkComplaints(complaints);
    return { batch, readmit, complaints };
  });
}

/**
 * The same value as its encoding alone, for one that is kept and hardly ever looked at again: what is in it is
 * read anew each time, so that some thousand requests a value are not kept in memory.
 */
export function packedValue(value: CycleValue): CycleValue {
  const bytes = encodeCycleValue(value);
  const read = (): CycleValue => readAll(bytes, readCycleValue, { mayShare: true });
  const packed: CycleValue = {
    get batch() {
      return read().batch;
    },
    get readmit() {
      return read().readmit;
    },
    get complaints() {
      return read().complaints;
    },
  };
  encodings.set(packed, bytes);
  return packed;
}

/** The same of a batch. */
export function packedBatch(batch: Batch): { readonly batch: Batch } {
  const bytes = encodeBatch(batch);
  return {
    get batch() {
      return decodeBatch(bytes);
    },
  };
}

/** The bytes that a batch's digest is of. */
export function encodeBatch(batch: Batch): Uint8Array {
  return encoded(batch, (writer) => writeRequests(writer, batch));
}

export const nullBatch: Batch = [];
/** Castro and Liskov §4.4: what fills a gap, and changes nothing. */
export const nullDigest: Digest = sha256(encodeBatch(nullBatch));

export function decodeBatch(bytes: Uint8Array): Batch {
  return readAll(bytes, readBatch, { mayShare: true });
}

/** The bytes that a value's digest is of. */
export function encodeCycleValue(value: CycleValue): Uint8Array {
  return encoded(value, (writer) => {
    writeRequests(writer, value.batch);
    checkRising(value.readmit, (replica) => replica);
    writer.list(value.readmit, limits.replicas, (replica) => writeReplica(writer, replica));
    checkComplaints(value.complaints);
    writer.list(value.complaints, orderingLimits.complaints, (one) => writeComplaint(writer, one));
  });
}

function readRequests(reader: Reader): Batch {
  let bytes = 0;
  return reader.list(orderingLimits.batchRequests, () => {
    const request = readRequest(reader);
    bytes += request.payload.length;
    if (bytes > orderingLimits.batchBytes) throw new WireError('batch too long');
    return request;
  });
}

function writeRequests(writer: Writer, batch: Batch): void {
  const bytes = batch.reduce((sum, { payload }) => sum + payload.length, 0);
  if (bytes > orderingLimits.batchBytes) throw new WireError('batch too long');
  const names = batch.reduce((sum, { client }) => sum + client.length, 0);
  writer.reserve(countBytes + batch.length * framingBytes + names + bytes);
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

function readEncoded<V extends Batch | CycleValue>(reader: Reader, read: () => V): V {
  const { value, bytes } = reader.recorded(read);
  encodings.set(value, bytes);
  return value;
}

const complaintKind = choice<ComplaintKind>('absent', 'slow');

function writeComplaint(writer: Writer, { cycle, replica, what }: Complaint): void {
  writer.u64(cycle);
  writeReplica(writer, replica);
  complaintKind.write(writer, what);
}

function readComplaint(reader: Reader): Complaint {
  const cycle = reader.u64() as Cycle;
  const replica = readReplica(reader);
  return { cycle, replica, what: complaintKind.read(reader) };
}

function checkComplaints(complaints: readonly Complaint[]): void {
  complaints.reduce(
    (last, next) => {
      const rises =
        last.cycle < next.cycle || (last.cycle === next.cycle && last.replica < next.replica);
      if (last !== next && !rises) throw new WireError('complaints out of order');
      return next;
    },
    complaints[0] ?? { cycle: 0 as Cycle, replica: 0 as ReplicaId },
  );
}
