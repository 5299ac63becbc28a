import { resendDelayMs } from '../../kernel/core.js';
import { sha256 } from '../../kernel/digest.js';
import type { Digest, ReplicaId } from '../../kernel/ids.js';
import type { CheckpointCertificate, SnapshotManifest } from '../types.js';
import { Snapshot, type StableCheckpoint } from './client-table.js';
import type { Outbox } from './outbox.js';

const FETCH = 'fetch-state';

/** Chunks that are asked for at once. */
const IN_FLIGHT = 8;

interface Target {
  readonly certificate: CheckpointCertificate;
  readonly manifest: SnapshotManifest;
  /** The replicas that signed for this state, and should have it; the one that is being asked comes first. */
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

const REPAIR = 'repair';

interface Wanted {
  readonly certificate: CheckpointCertificate;
  /** Replicas that signed for this state; the one that is asked next comes first. */
  readonly holders: ReplicaId[];
  tries: number;
}

/**
 * A replica whose state is not what a quorum has signed takes theirs. It asks one of those that signed at a time,
 * less and less often, so that a replica that differs costs the others little.
 */
export class Repair {
  readonly #outbox: Outbox;
  #wanted: Wanted | undefined;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  get isNeeded(): boolean {
    return this.#wanted !== undefined;
  }

  /** Whether this state would do. */
  wants({ statement }: CheckpointCertificate): boolean {
    const { certificate } = this.#wanted ?? {};
    return certificate !== undefined && statement.position >= certificate.statement.position;
  }

  /** This replica's own state at the certificate's position is another one, or follows from another one. */
  start(certificate: CheckpointCertificate): void {
    const { position } = certificate.statement;
    if (this.#wanted && position <= this.#wanted.certificate.statement.position) return;
    if (!this.#wanted) this.#outbox.log('error', 'state-diverged', { position });
    const { self } = this.#outbox.options;
    const holders = certificate.signatures
      .map(({ replica }) => replica)
      .filter((replica) => replica !== self);
    this.#wanted = { certificate, holders, tries: 0 };
    this.#ask(this.#wanted);
  }

  /** The state has come. */
  end(): void {
    this.#wanted = undefined;
    this.#outbox.stopTimer(REPAIR);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== REPAIR) return false;
    if (this.#wanted) this.#ask(this.#wanted);
    return true;
  }

  /** By the digest of the whole state, which a replica that has it answers with its list of chunks. */
  #ask(wanted: Wanted): void {
    const { holders, certificate, tries } = wanted;
    const [holder] = holders;
    if (holder === undefined) return;
    holders.push(...holders.splice(0, 1));
    wanted.tries += 1;
    this.#outbox.send(holder, { kind: 'fetch-chunk', digest: certificate.statement.digest });
    const { resendAfterMs } = this.#outbox.options;
    this.#outbox.startTimer(REPAIR, resendDelayMs(resendAfterMs, tries));
  }
}
