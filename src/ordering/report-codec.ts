import { type Reader, readAll, Writer } from '../kernel/codec/bytes.js';
import { checkRising, readReplica, writeReplica, writeSigned } from '../kernel/codec/fields.js';
import { limits } from '../kernel/codec/limits.js';
import type { ClusterId } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import { readOrderingSigned } from './statement-codec.js';
import type { Assistance, ReportStatement } from './types.js';

/** The reports as the Decision Module's command carries them (Antipaxos line 26). */
export function encodeReports(reports: readonly Signed<ReportStatement>[]): Uint8Array {
  const writer = new Writer();
  writeReports(writer, reports);
  return writer.finish();
}

export function decodeReports(
  cluster: ClusterId,
  bytes: Uint8Array,
): readonly Signed<ReportStatement>[] {
  return readAll(bytes, (reader) => readReports(reader, cluster));
}

export function writeReports(writer: Writer, reports: readonly Signed<ReportStatement>[]): void {
  checkRising(reports, ({ statement: { replica } }) => replica);
  writer.list(reports, limits.replicas, (report) => writeSigned(writer, report));
}

export function readReports(
  reader: Reader,
  cluster: ClusterId,
): readonly Signed<ReportStatement>[] {
  const reports = reader.list(limits.replicas, () => readOrderingSigned(reader, cluster, 'report'));
  checkRising(reports, ({ statement: { replica } }) => replica);
  return reports;
}

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
