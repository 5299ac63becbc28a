import type { ClusterId } from '../vocabulary/ids.js';
import type { ActivationStatement, Signed } from '../vocabulary/statements.js';
import { limits } from './limits.js';
import { type Reader, readAll } from './reader.js';
import { writeSigned } from './signature.js';
import { readSigned } from './signed.js';
import { Writer } from './writer.js';

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
