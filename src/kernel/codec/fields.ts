import { signatureLength } from '../batch.js';
import {
  type ClusterId,
  clusterId,
  type Digest,
  type ReplicaId,
  type TransactionId,
  type View,
} from '../ids.js';
import type { Signed } from '../signed.js';
import { type Reader, WireError, type Writer } from './bytes.js';
import { limits } from './limits.js';

/** A choice among named alternatives, as one byte: its position. */
export interface Choice<Name extends string> {
  write(writer: Writer, name: Name): void;
  read(reader: Reader): Name;
}

export function choice<const Name extends string>(...names: readonly Name[]): Choice<Name> {
  return {
    write(writer, name) {
      const index = names.indexOf(name);
      if (index < 0) throw new WireError(`none of ${names.join(', ')}: ${name}`);
      writer.u8(index);
    },
    read(reader) {
      const name = names[reader.u8()];
      if (name === undefined) throw new WireError(`none of ${names.join(', ')}`);
      return name;
    },
  };
}

/** An id that is a name; `parse` is its constructor in `kernel/ids.ts`. */
export function readName<Id extends string>(reader: Reader, parse: (text: string) => Id): Id {
  const text = reader.text(limits.nameBytes);
  try {
    return parse(text);
  } catch (cause) {
    throw new WireError('a name out of form', { cause });
  }
}

/** Checks the name's form: what is written must be readable. */
export function writeName<Id extends string>(
  writer: Writer,
  name: Id,
  parse: (text: string) => Id,
): void {
  try {
    parse(name);
  } catch (cause) {
    throw new WireError('a name out of form', { cause });
  }
  writer.text(name, limits.nameBytes);
}

export function writeReplica(writer: Writer, replica: ReplicaId): void {
  writer.u16(replica);
}

export function readReplica(reader: Reader): ReplicaId {
  return reader.u16() as ReplicaId;
}

export function writeDigest(writer: Writer, digest: Digest): void {
  writer.hex(digest, 32);
}

export function readDigest(reader: Reader): Digest {
  return reader.hex(32) as Digest;
}

export function writeTransactionId(writer: Writer, tid: TransactionId): void {
  if (!uuidForm.test(tid)) throw new WireError('not a transaction id');
  writer.hex(tid.replaceAll('-', ''), 16);
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function readTransactionId(reader: Reader): TransactionId {
  return reader.uuid() as TransactionId;
}

export function writeView(writer: Writer, view: View): void {
  writer.u64(view);
}

export function readView(reader: Reader): View {
  return reader.u64() as View;
}

/** Throws unless the keys rise: lists that mean sets have one encoding, and no duplicates. */
export function checkRising<T>(items: readonly T[], key: (item: T) => string | number): void {
  let last: string | number | undefined;
  for (const item of items) {
    const next = key(item);
    if (last !== undefined && !(last < next)) throw new WireError('list out of order');
    last = next;
  }
}

/** What a signature is for. The three phases differ here, so that none passes for another. */
export type SignedKind =
  | 'activation'
  | 'completion'
  | 'registration'
  | 'vote'
  | 'acknowledgement'
  | 'invitation'
  | 'proposal'
  | 'pre-prepare'
  | 'prepare'
  | 'commit'
  | 'view-change'
  | 'new-view'
  | 'closing';

const domain = new TextEncoder().encode('concordat/1');
const signedKind = choice<SignedKind>(
  'activation',
  'completion',
  'registration',
  'vote',
  'acknowledgement',
  'invitation',
  'proposal',
  'pre-prepare',
  'prepare',
  'commit',
  'view-change',
  'new-view',
  'closing',
);

/** Starts every signed text: the domain and its version, the kind, and the cluster that it is bound to. */
export function writeHeader(writer: Writer, kind: SignedKind, cluster: ClusterId): void {
  writer.raw(domain);
  signedKind.write(writer, kind);
  writeName(writer, cluster, clusterId);
}

/** Throws `WireError` for another domain, version or cluster. */
export function readHeader(reader: Reader, cluster: ClusterId): SignedKind {
  reader.literal(domain, 'a statement of this version');
  const kind = signedKind.read(reader);
  if (readName(reader, clusterId) !== cluster) throw new WireError('statement of another cluster');
  return kind;
}

/** A signature, by itself (RFC 8032 §5.1.6) or of a batch: `kernel/batch.ts`. It says where it ends. */
export function writeSignature(writer: Writer, signature: Uint8Array): void {
  if (signatureLength(signature) !== signature.length) throw new WireError('not a signature');
  writer.raw(signature);
}

export function readSignature(reader: Reader): Uint8Array {
  const length = reader.ahead(signatureLength);
  if (length === undefined) throw new WireError('not a signature');
  return reader.raw(length);
}

/** The signed bytes as they are, and the signature. */
export function writeSigned(writer: Writer, signed: Signed<unknown>): void {
  writer.bytes(signed.bytes);
  writeSignature(writer, signed.signature);
}

/** A signed statement as `decode` understands its bytes. */
export function readSignedAs<S>(reader: Reader, decode: (bytes: Uint8Array) => S): Signed<S> {
  const bytes = reader.bytes();
  return { statement: decode(bytes), bytes, signature: readSignature(reader) };
}

/** Signatures of different replicas, sorted by replica, under the same bytes. */
interface Shared<S> {
  readonly statement: S;
  readonly bytes: Uint8Array;
  readonly signatures: readonly { readonly replica: ReplicaId; readonly signature: Uint8Array }[];
}

/** The bytes that all signed once, then the signers and their signatures. */
export function writeShared(writer: Writer, { bytes, signatures }: Shared<unknown>): void {
  checkRising(signatures, ({ replica }) => replica);
  writer.bytes(bytes);
  writer.list(signatures, limits.replicas, ({ replica, signature }) => {
    writeReplica(writer, replica);
    writeSignature(writer, signature);
  });
}

/** A certificate whose statement is what `decode` understands of its bytes. */
export function readSharedAs<S>(reader: Reader, decode: (bytes: Uint8Array) => S): Shared<S> {
  const bytes = reader.bytes();
  const statement = decode(bytes);
  const signatures = reader.list(limits.replicas, () => ({
    replica: readReplica(reader),
    signature: readSignature(reader),
  }));
  checkRising(signatures, ({ replica }) => replica);
  return { statement, bytes, signatures };
}
