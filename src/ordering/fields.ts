import { type Reader, WireError, Writer } from '../kernel/codec/bytes.js';
import { choice, readDigest, readName, writeDigest, writeName } from '../kernel/codec/fields.js';
import { type ClusterId, clusterId, type Digest } from '../kernel/ids.js';
import type { OrderingScope, OrderingStatement, SnapshotManifest } from './types.js';

/** Bounds of the ordering messages; see `limits` in `kernel/codec/limits.ts` for why there are any. */
export const orderingLimits = {
  /** Requests in one batch. */
  batchRequests: 4096,
  /**
   * Bytes of the payloads of one batch, also in a cycle's value: what a correct replica puts into one
   * (`batchBytesMax`, or one request), so that a liar's takes no more.
   */
  batchBytes: 1024 * 1024,
  /** Bytes of one request's payload. */
  payloadBytes: 1024 * 1024,
  /** Sequence numbers between the watermarks, so prepared certificates in a view change. */
  window: 1024,
  /** Complaints in one cycle's value. */
  complaints: 1024,
  /** One chunk of a snapshot, and the chunks of one: states of up to 1 GiB. */
  chunkBytes: 256 * 1024,
  chunks: 4096,
  /** One message, all included; a new view with many prepared certificates is the largest. */
  messageBytes: 16 * 1024 * 1024,
} as const;

const domain = new TextEncoder().encode('concordat-ordering/1');

export const scope = choice<OrderingScope>(
  'pbft',
  'decision-module',
  'antipaxos',
  'ezbft',
  'ezbft-decisions',
  'fab',
);

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
  'spec-reply',
  'confirmation',
  'two-step-view-change',
  'two-step-new-view',
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

export function writeManifest(writer: Writer, { own, chunks }: SnapshotManifest): void {
  checkOwn(own, chunks);
  writer.u16(own);
  writer.list(chunks, orderingLimits.chunks, (digest) => writeDigest(writer, digest));
}

export function readManifest(reader: Reader): SnapshotManifest {
  const own = reader.u16();
  const chunks = reader.list(orderingLimits.chunks, () => readDigest(reader));
  checkOwn(own, chunks);
  return { own, chunks };
}

function checkOwn(own: number, chunks: readonly Digest[]): void {
  if (own > chunks.length) throw new WireError('more chunks of one part than there are');
}

/** The bytes that a checkpoint's digest is of. */
export function encodeManifest(manifest: SnapshotManifest): Uint8Array {
  const writer = new Writer();
  writeManifest(writer, manifest);
  return writer.finish();
}
