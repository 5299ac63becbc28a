import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { type Reader, readAll, WireError, Writer } from '../codec/bytes.js';
import { choice, readName, readSignature, writeName, writeSignature } from '../codec/fields.js';
import { limits } from '../codec/limits.js';
import { nodeNameField, urlField } from '../config/cluster-file.js';
import { type ClusterId, clusterId, type ParticipantId, participantId } from '../ids.js';
import { ed25519Signer, statementPublicKey } from '../keys.js';
import { EnrollmentError } from './enrollment-error.js';

/** A P-256 key as an uncompressed point (SEC 1 §2.3.3), 65 bytes. */
export type Point = Uint8Array;

/** Both numbers in full (IEEE P1363). */
const p256SignatureBytes = 64;

interface Wish {
  readonly cluster: ClusterId;
  /** What the newcomer will be known by. */
  readonly name: ParticipantId;
  /** The key that its certificate is to be for. */
  readonly key: Point;
}

export interface ParticipantRequest extends Wish {
  readonly role: 'participant';
  /** Base address of its HTTP server. */
  readonly url: string;
  /** Raw Ed25519 public key, 64 hexadecimal digits. */
  readonly statementKey: string;
}

export interface ClientRequest extends Wish {
  readonly role: 'client';
}

/** What a newcomer asks a cluster for. */
export type EnrollmentRequest = ParticipantRequest | ClientRequest;

/** A request whose signatures by the keys that it names have been checked. */
export interface SignedRequest<Request extends EnrollmentRequest = EnrollmentRequest> {
  readonly request: Request;
  /** What was signed. */
  readonly bytes: Uint8Array;
  /** The request's file: the bytes and their signatures. */
  readonly file: Uint8Array;
}

const domain = new TextEncoder().encode('concordat-enrollment/1');
const signedKind = choice<'request' | 'approval'>('request', 'approval');
const roleChoice = choice<EnrollmentRequest['role']>('participant', 'client');
const pointBytes = 65;
export const requestMagic = 'CCENREQ1';

/** Begins all that is signed about enrollments: the domain, the kind, the cluster. */
export function writeEnrollmentHeader(
  writer: Writer,
  kind: 'request' | 'approval',
  cluster: ClusterId,
): void {
  writer.raw(domain);
  signedKind.write(writer, kind);
  writeName(writer, cluster, clusterId);
}

/** Throws `WireError` for another domain or kind. */
export function readEnrollmentHeader(reader: Reader, kind: 'request' | 'approval'): ClusterId {
  reader.literal(domain, 'an enrollment of this version');
  if (signedKind.read(reader) !== kind) throw new WireError(`not the kind ${kind}`);
  return readName(reader, clusterId);
}

/** The bytes to sign. Throws `WireError` for what no bytes can say. */
export function encodeRequest(request: EnrollmentRequest): Uint8Array {
  const writer = new Writer();
  writeEnrollmentHeader(writer, 'request', request.cluster);
  roleChoice.write(writer, request.role);
  writeName(writer, request.name, participantId);
  if (request.role === 'participant') {
    writer.text(request.url, limits.addressBytes);
    writer.hex(request.statementKey, 32);
  }
  writer.raw(request.key);
  return writer.finish();
}

/** Throws `WireError` unless the bytes are a request, to the last one. */
export function decodeRequest(bytes: Uint8Array): EnrollmentRequest {
  return readAll(bytes, (reader): EnrollmentRequest => {
    const cluster = readEnrollmentHeader(reader, 'request');
    const role = roleChoice.read(reader);
    const name = readName(reader, participantId);
    if (!nodeNameField.safeParse(name).success) throw new WireError('a name that is reserved');
    if (role === 'client') return { role, cluster, name, key: reader.raw(pointBytes) };
    const url = reader.text(limits.addressBytes);
    if (!urlField.safeParse(url).success) throw new WireError('not the address of a node');
    return { role, cluster, name, url, statementKey: reader.hex(32), key: reader.raw(pointBytes) };
  });
}

/** Private keys of a newcomer, PEM. */
export interface NewKeys {
  /** P-256. */
  readonly privateKey: string;
  /** Ed25519; a client has none. */
  readonly statementKey?: string | undefined;
}

/** Signs a request with the keys that it names: they are the newcomer's own. */
export function signRequest(request: EnrollmentRequest, keys: NewKeys): SignedRequest {
  const bytes = encodeRequest(request);
  const writer = new Writer();
  writer.raw(Buffer.from(requestMagic));
  writer.bytes(bytes);
  writer.raw(sign('sha256', bytes, { key: keys.privateKey, dsaEncoding: 'ieee-p1363' }));
  if (keys.statementKey !== undefined) {
    writeSignature(writer, ed25519Signer(keys.statementKey)(bytes));
  }
  return readRequest(request.cluster, writer.finish());
}

/**
 * Reads a request's file. Throws `EnrollmentError`: `malformed`, `wrong-cluster`, or `not-its-own` where it is not signed by
 * each key that it names.
 */
export function readRequest(cluster: ClusterId, file: Uint8Array): SignedRequest {
  return malformedUnless('request', () =>
    readAll(file, (reader) => {
      reader.literal(Buffer.from(requestMagic), 'a request');
      const bytes = reader.bytes();
      const request = decodeRequest(bytes);
      requireCluster(cluster, request.cluster);
      const own = verify(
        'sha256',
        bytes,
        { key: publicKeyOf(request.key), dsaEncoding: 'ieee-p1363' },
        reader.raw(p256SignatureBytes),
      );
      if (!own) throw notItsOwn('privateKey');
      if (
        request.role === 'participant' &&
        !verify(null, bytes, statementPublicKey(request.statementKey), readSignature(reader))
      ) {
        throw notItsOwn('statementKey');
      }
      return { request, bytes, file };
    }),
  );
}

function notItsOwn(key: string): EnrollmentError {
  return new EnrollmentError(
    'not-its-own',
    `the request is not signed by the ${key} that it names`,
  );
}

/** Throws `EnrollmentError`. */
export function requireCluster(own: ClusterId, cluster: ClusterId): void {
  if (cluster === own) return;
  throw new EnrollmentError('wrong-cluster', `it is for the cluster "${cluster}", not "${own}"`);
}

/** What `read` gives. Throws `EnrollmentError`, `malformed` in place of `WireError`. */
export function malformedUnless<Value>(what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new EnrollmentError('malformed', `not an enrollment ${what}: ${error.message}`, {
      cause: error,
    });
  }
}

/** The point of a P-256 key, private or public, PEM. */
export function pointOf(pem: string): Point {
  const { x = '', y = '' } = createPublicKey(pem).export({ format: 'jwk' });
  const [left, right] = [x, y].map((part) => Buffer.from(part, 'base64url'));
  return new Uint8Array(Buffer.concat([Buffer.of(4), left ?? '', right ?? ''].map(Buffer.from)));
}

/** Throws `WireError` unless it is a point on P-256, not compressed. */
export function publicKeyOf(point: Point): KeyObject {
  const bytes = Buffer.from(point);
  const x = bytes.subarray(1, 33).toString('base64url');
  const y = bytes.subarray(33).toString('base64url');
  try {
    if (bytes.length !== pointBytes || bytes[0] !== 4) throw new RangeError('not uncompressed');
    return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } });
  } catch (cause) {
    throw new WireError('not a key on P-256', { cause });
  }
}
