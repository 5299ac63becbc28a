import { sha256 } from '../../crypto/digest.js';
import { digestOfManifest } from '../../crypto/ordering/sign.js';
import type { ClusterId, Digest } from '../../vocabulary/ids.js';
import type { CheckpointCertificate, SnapshotManifest } from '../../vocabulary/ordering.js';
import {
  orderingLimits,
  readManifest,
  readShared,
  writeManifest,
  writeShared,
} from '../../wire/ordering/index.js';
import { readAll } from '../../wire/reader.js';
import { Writer } from '../../wire/writer.js';

/**
 * A state at a position, in chunks that are known by their digests: those that two states have in common
 * are stored, and transferred, once. The engine's part and the state machine's are cut separately, so
 * that one does not move the other's chunks.
 */
export class Snapshot {
  readonly manifest: SnapshotManifest;
  readonly digest: Digest;
  readonly #chunks: ReadonlyMap<Digest, Uint8Array>;

  private constructor(manifest: SnapshotManifest, chunks: ReadonlyMap<Digest, Uint8Array>) {
    this.manifest = manifest;
    this.digest = digestOfManifest(manifest);
    this.#chunks = chunks;
  }

  /** Throws `RangeError` where the state is too large. */
  static of(own: Uint8Array, machine: readonly Uint8Array[]): Snapshot {
    const ownChunks = cut(own);
    const chunks = [...ownChunks, ...machine.flatMap(cut)];
    if (chunks.length > orderingLimits.chunks) throw new RangeError('a state of too many chunks');
    const digests = chunks.map(({ digest }) => digest);
    const byDigest = new Map(chunks.map(({ digest, bytes }) => [digest, bytes]));
    return new Snapshot({ own: ownChunks.length, chunks: digests }, byDigest);
  }

  /** `undefined` while a chunk is missing. */
  static assemble(
    manifest: SnapshotManifest,
    chunks: ReadonlyMap<Digest, Uint8Array>,
  ): Snapshot | undefined {
    const own = new Map<Digest, Uint8Array>();
    for (const digest of manifest.chunks) {
      const chunk = chunks.get(digest);
      if (!chunk) return undefined;
      own.set(digest, chunk);
    }
    return new Snapshot(manifest, own);
  }

  chunk(digest: Digest): Uint8Array | undefined {
    return this.#chunks.get(digest);
  }

  /** The engine's part. */
  get own(): Uint8Array {
    return this.#joined(this.manifest.chunks.slice(0, this.manifest.own));
  }

  get machine(): Uint8Array {
    return this.#joined(this.manifest.chunks.slice(this.manifest.own));
  }

  #joined(digests: readonly Digest[]): Uint8Array {
    const parts = digests.flatMap((digest) => this.#chunks.get(digest) ?? []);
    return new Uint8Array(Buffer.concat(parts));
  }
}

/** A checkpoint that a quorum has signed, and the state that it is of. */
export interface StableCheckpoint {
  readonly certificate: CheckpointCertificate;
  readonly snapshot: Snapshot;
}

/** The record of a stable checkpoint; each chunk has one of its own. */
export function encodeStable({ certificate, snapshot }: StableCheckpoint): Uint8Array {
  const writer = new Writer();
  writeShared(writer, certificate);
  writeManifest(writer, snapshot.manifest);
  return writer.finish();
}

export function decodeStable(
  cluster: ClusterId,
  bytes: Uint8Array,
): { readonly certificate: CheckpointCertificate; readonly manifest: SnapshotManifest } {
  return readAll(bytes, (reader) => ({
    certificate: readShared(reader, cluster, 'checkpoint'),
    manifest: readManifest(reader),
  }));
}

interface Chunk {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
}

/** Of arrays that are parts of several states, so that each is digested once. */
const known = new WeakMap<Uint8Array, readonly Chunk[]>();

function cut(part: Uint8Array): readonly Chunk[] {
  const cutBefore = known.get(part);
  if (cutBefore) return cutBefore;
  const { chunkBytes } = orderingLimits;
  const chunks = Array.from({ length: Math.ceil(part.length / chunkBytes) }, (_, index) => {
    const bytes = part.subarray(index * chunkBytes, (index + 1) * chunkBytes);
    return { digest: sha256(bytes), bytes };
  });
  known.set(part, chunks);
  return chunks;
}
