import type { ClusterId } from '../../vocabulary/ids.js';
import type { SessionRequest } from '../../vocabulary/session-messages.js';
import { choice, readReplica, writeReplica } from '../fields.js';
import { readAll } from '../reader.js';
import { writeSigned } from '../signature.js';
import { Writer } from '../writer.js';
import { readRun, writeRun } from './run.js';
import { readSessionSigned } from './statement.js';

const requestKind = choice<SessionRequest['kind']>('run', 'report');

/** The payload of an ordering request. */
export function encodeSessionRequest(request: SessionRequest): Uint8Array {
  const writer = new Writer();
  requestKind.write(writer, request.kind);
  if (request.kind === 'report') {
    writeSigned(writer, request.report);
  } else {
    writeReplica(writer, request.submitter);
    writer.u32(request.attempt);
    writeRun(writer, request.run);
  }
  return writer.finish();
}

/** Throws `WireError` unless the bytes are a request of this cluster; checks no signature. */
export function decodeSessionRequest(cluster: ClusterId, payload: Uint8Array): SessionRequest {
  return readAll(payload, (reader) => {
    const kind = requestKind.read(reader);
    if (kind === 'report') {
      return { kind, report: readSessionSigned(reader, cluster, 'order-report') };
    }
    const submitter = readReplica(reader);
    const attempt = reader.u32();
    return { kind, submitter, attempt, run: readRun(reader) };
  });
}
