import type { Digest } from '../../vocabulary/ids.js';
import type { StoredRecord } from '../effects.js';
import type { Outbox } from './outbox.js';
import { decodeStable, encodeStable, Snapshot, type StableCheckpoint } from './snapshot.js';

/** A state that somebody has fetched from within this time is kept for them when there is a newer one. */
const KEPT_MS = 10_000;

interface Kept {
  readonly snapshot: Snapshot;
  fetchedMs: number;
}

/** The last stable checkpoint, in memory and on disk; and one before it while somebody fetches that. */
export class StableStore {
  readonly #outbox: Outbox;
  #stable: StableCheckpoint | undefined;
  #current: Kept | undefined;
  #previous: Kept | undefined;
  /** Chunks on disk. */
  #stored = new Set<Digest>();

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  get stable(): StableCheckpoint | undefined {
    return this.#stable;
  }

  /** Throws where a chunk of the checkpoint is missing: the store is damaged. */
  restore(records: readonly StoredRecord[]): StableCheckpoint | undefined {
    const chunks = new Map(this.#outbox.stored(records, 'chunk/') as [Digest, Uint8Array][]);
    this.#stored = new Set(chunks.keys());
    const [stored] = this.#outbox.stored(records, 'stable');
    if (!stored) return undefined;
    const { certificate, manifest } = decodeStable(this.#outbox.options.cluster, stored[1]);
    const snapshot = Snapshot.assemble(manifest, chunks);
    if (!snapshot) throw new Error('a chunk of the stable checkpoint is not on disk');
    this.#use({ certificate, snapshot });
    this.#forgetOthers(snapshot);
    return this.#stable;
  }

  /** The chunks first, so that a crash in between leaves either checkpoint whole. */
  adopt(checkpoint: StableCheckpoint): void {
    const { snapshot } = checkpoint;
    for (const digest of snapshot.manifest.chunks) {
      const bytes = this.#stored.has(digest) ? undefined : snapshot.chunk(digest);
      if (!bytes) continue;
      this.#stored.add(digest);
      this.#outbox.persist(`chunk/${digest}`, bytes);
    }
    this.#outbox.persist('stable', encodeStable(checkpoint));
    this.#forgetOthers(snapshot);
    this.#keepPrevious();
    this.#use(checkpoint);
  }

  /** For a replica that fetches the state. */
  chunk(digest: Digest): Uint8Array | undefined {
    for (const kept of [this.#current, this.#previous]) {
      const bytes = kept?.snapshot.chunk(digest);
      if (!kept || !bytes) continue;
      kept.fetchedMs = this.#outbox.nowMs;
      return bytes;
    }
    return undefined;
  }

  #use(checkpoint: StableCheckpoint): void {
    this.#stable = checkpoint;
    this.#current = { snapshot: checkpoint.snapshot, fetchedMs: -Infinity };
  }

  #keepPrevious(): void {
    const isFetched = (kept: Kept | undefined): boolean =>
      kept !== undefined && this.#outbox.nowMs - kept.fetchedMs < KEPT_MS;
    if (isFetched(this.#previous)) return;
    this.#previous = isFetched(this.#current) ? this.#current : undefined;
  }

  #forgetOthers({ manifest }: Snapshot): void {
    const named = new Set(manifest.chunks);
    for (const digest of this.#stored) {
      if (named.has(digest)) continue;
      this.#stored.delete(digest);
      this.#outbox.persist(`chunk/${digest}`, null);
    }
  }
}
