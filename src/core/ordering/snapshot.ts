import type { ClusterId } from '../../vocabulary/ids.js';
import type { CheckpointCertificate } from '../../vocabulary/ordering.js';
import { readShared, writeShared } from '../../wire/ordering/index.js';
import { type Reader, readAll } from '../../wire/reader.js';
import { Writer } from '../../wire/writer.js';

/** A checkpoint that a quorum has signed, and the state that it is of. */
export interface StableCheckpoint {
  readonly certificate: CheckpointCertificate;
  readonly snapshot: Uint8Array;
}

export function encodeStable({ certificate, snapshot }: StableCheckpoint): Uint8Array {
  const writer = new Writer();
  writeShared(writer, certificate);
  writer.bytes(snapshot);
  return writer.finish();
}

export function decodeStable(cluster: ClusterId, bytes: Uint8Array): StableCheckpoint {
  return readAll(bytes, (reader) => ({
    certificate: readShared(reader, cluster, 'checkpoint'),
    snapshot: reader.bytes(),
  }));
}

/** An engine's own part of a snapshot, and then the state machine's. */
export function encodeSnapshot(write: (writer: Writer) => void, machine: Uint8Array): Uint8Array {
  const writer = new Writer();
  write(writer);
  writer.bytes(machine);
  return writer.finish();
}

/** Reads the engine's own part; returns the state machine's. */
export function decodeSnapshot(snapshot: Uint8Array, read: (reader: Reader) => void): Uint8Array {
  return readAll(snapshot, (reader) => {
    read(reader);
    return reader.bytes();
  });
}
