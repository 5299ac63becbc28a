import type { ClusterId } from '../../vocabulary/ids.js';
import type { Assistance } from '../../vocabulary/ordering.js';
import { checkRising, readReplica, writeReplica } from '../fields.js';
import { limits } from '../limits.js';
import { readAll } from '../reader.js';
import { Writer } from '../writer.js';
import { decodeReports, encodeReports } from './message.js';

/** The Decision Module's command (Antipaxos line 26). */
export function encodeAssistance({ excluded, reports }: Assistance): Uint8Array {
  const writer = new Writer();
  checkRising(excluded, (replica) => replica);
  writer.list(excluded, limits.replicas, (replica) => writeReplica(writer, replica));
  writer.bytes(encodeReports(reports));
  return writer.finish();
}

/** Throws `WireError` unless the bytes have the form of a command; checks no signature. */
export function decodeAssistance(cluster: ClusterId, bytes: Uint8Array): Assistance {
  return readAll(bytes, (reader) => {
    const excluded = reader.list(limits.replicas, () => readReplica(reader));
    checkRising(excluded, (replica) => replica);
    return { excluded, reports: decodeReports(cluster, reader.bytes()) };
  });
}
