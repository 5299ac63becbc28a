import { checkSignature, replicaSigner } from '../agreement/check-signature.js';
import { readAll, WireError, Writer } from '../kernel/codec/bytes.js';
import { choice, readReplica, writeReplica, writeSigned } from '../kernel/codec/fields.js';
import { sha256 } from '../kernel/digest.js';
import {
  type ClientId,
  type ClusterId,
  clientId,
  type Digest,
  sessionsClient,
} from '../kernel/ids.js';
import type { Keyring } from '../kernel/keys.js';
import type { RequestCheck } from '../ordering/check-message.js';
import type { OrderingRequest } from '../ordering/types.js';
import type { SessionRequest } from './message.js';
import { type Owners, RecentMap, verifyRun } from './owners.js';
import { readRun, writeRun } from './run.js';
import { readSessionSigned } from './statement.js';
import type { OrderStatement } from './types.js';

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

const requestsRemembered = 16_384;
/** As many digits of a digest as a client's name may have characters. */
const digitsInName = 63;

/**
 * A request for the engine. Its client is named after its content, so that nobody can use up the number
 * of another's request.
 */
export function orderingRequest(request: SessionRequest): OrderingRequest {
  const payload = encodeSessionRequest(request);
  return { client: clientId(sha256(payload).slice(0, digitsInName)), number: 1, payload };
}

/**
 * Whether a request is named after its content and what it holds is signed by the session's owner, or by
 * the replica that reports. The answer is the same at every replica, for ever.
 */
export function sessionRequestCheck(keyring: Keyring, owners: Owners): RequestCheck {
  const genuine = new RecentMap<true>(requestsRemembered);
  return ({ client, number, payload }) => {
    const digest = sha256(payload);
    if (number !== 1 || client !== digest.slice(0, digitsInName)) return false;
    if (genuine.get(digest)) return true;
    if (!isSigned(keyring, owners, payload)) return false;
    genuine.set(digest, true);
    return true;
  };
}

function isSigned(keyring: Keyring, owners: Owners, payload: Uint8Array): boolean {
  const request = decoded(keyring.cluster.id, payload);
  switch (request?.kind) {
    case 'run':
      return verifyRun(owners, request.run).ok;
    case 'report': {
      const { report } = request;
      return !checkSignature(keyring, replicaSigner(report.statement.replica), report);
    }
    case undefined:
      return false;
  }
}

function decoded(cluster: ClusterId, payload: Uint8Array): SessionRequest | undefined {
  try {
    return decodeSessionRequest(cluster, payload);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** The request that an order is to initiators and coordinators. */
export interface OrderRequest {
  readonly client: ClientId;
  readonly timestamp: number;
  readonly digest: Digest;
}

/**
 * The lane is the client, and the order's number is its timestamp, so the order's transaction is found by
 * what the order says, and there is one. Throws `RangeError` where there is no such lane.
 */
export function orderRequest(
  cluster: ClusterId,
  { lane, number, transfers }: Pick<OrderStatement, 'lane' | 'number' | 'transfers'>,
): OrderRequest {
  const content = ['concordat/1 order', cluster, lane, number, transfers];
  const digest = sha256(new TextEncoder().encode(JSON.stringify(content)));
  return { client: sessionsClient(lane), timestamp: number, digest };
}
