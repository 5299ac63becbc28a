import { sha256 } from '../../crypto/digest.js';
import type { Digest, ReplicaId } from '../../vocabulary/ids.js';
import type { CheckpointCertificate, SnapshotManifest } from '../../vocabulary/ordering.js';
import type { Outbox } from './outbox.js';
import { Snapshot, type StableCheckpoint } from './snapshot.js';

const FETCH = 'fetch-state';

/** Chunks that are asked for at once. */
const IN_FLIGHT = 8;

interface Target {
  readonly certificate: CheckpointCertificate;
  readonly manifest: SnapshotManifest;
  /** Who signed for this state, and should have it; the one that is being asked comes first. */
  readonly holders: ReplicaId[];
  /** What is not at hand and not asked for; and what is asked for. */
  readonly missing: Digest[];
  readonly asked: Set<Digest>;
}

/**
 * Fetches a state chunk by chunk (Castro and Liskov §4.3). A quorum vouches for the manifest and the
 * manifest for each chunk, so nobody need be trusted: a holder that is silent or lies costs one
 * retransmission, and the next one is asked for what is left. No more is held than the manifest names.
 */
export class StateTransfer {
  readonly #outbox: Outbox;
  readonly #complete: (checkpoint: StableCheckpoint) => void;
  #target: Target | undefined;
  /** What is at hand of the target, and what of the state before it may be of use. */
  #chunks = new Map<Digest, Uint8Array>();
  #hasProgressed = false;

  constructor(outbox: Outbox, complete: (checkpoint: StableCheckpoint) => void) {
    this.#outbox = outbox;
    this.#complete = complete;
  }

  /** A state that a quorum vouches for, and this replica lacks. Of two the newer one is fetched. */
  start(
    from: ReplicaId,
    { certificate, manifest }: Pick<Target, 'certificate' | 'manifest'>,
    own: Snapshot | undefined,
  ): void {
    const { position } = certificate.statement;
    if (this.#target && position <= this.#target.certificate.statement.position) return;
    const { self } = this.#outbox.options;
    const others = certificate.signatures
      .map(({ replica }) => replica)
      .filter((replica) => replica !== from && replica !== self);
    const holders = [from, ...others];
    const chunks = new Map<Digest, Uint8Array>();
    for (const digest of manifest.chunks) {
      const known = this.#chunks.get(digest) ?? own?.chunk(digest);
      if (known) chunks.set(digest, known);
    }
    this.#chunks = chunks;
    const missing = [...new Set(manifest.chunks)].filter((digest) => !chunks.has(digest));
    this.#target = { certificate, manifest, holders, missing, asked: new Set() };
    this.#outbox.log('info', 'state-transfer', { position, chunks: missing.length });
    this.#outbox.startTimer(FETCH, this.#outbox.options.resendAfterMs);
    this.#proceed();
  }

  /** The replica has got so far without it. */
  passed(position: number): void {
    if (this.#target && this.#target.certificate.statement.position <= position) this.#end();
  }

  onChunk(bytes: Uint8Array): void {
    if (!this.#target) return;
    const digest = sha256(bytes);
    if (!this.#target.asked.delete(digest)) return;
    this.#chunks.set(digest, bytes);
    this.#hasProgressed = true;
    this.#proceed();
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== FETCH) return false;
    const target = this.#target;
    if (!target) return true;
    if (!this.#hasProgressed) {
      target.holders.push(...target.holders.splice(0, 1));
      target.missing.unshift(...target.asked);
      target.asked.clear();
    }
    this.#hasProgressed = false;
    this.#outbox.startTimer(FETCH, this.#outbox.options.resendAfterMs);
    this.#proceed();
    return true;
  }

  #proceed(): void {
    const target = this.#target;
    if (!target) return;
    const { certificate, manifest, holders, missing, asked } = target;
    if (missing.length === 0 && asked.size === 0) {
      const snapshot = Snapshot.assemble(manifest, this.#chunks);
      this.#end();
      if (snapshot) this.#complete({ certificate, snapshot });
      return;
    }
    const [holder] = holders;
    if (holder === undefined) return;
    for (const digest of missing.splice(0, IN_FLIGHT - asked.size)) {
      asked.add(digest);
      this.#outbox.send(holder, { kind: 'fetch-chunk', digest });
    }
  }

  #end(): void {
    this.#target = undefined;
    this.#chunks = new Map();
    this.#outbox.stopTimer(FETCH);
  }
}
