import type { StoredRecord } from '../../kernel/core.js';
import { type Digest, quorum, type ReplicaId, unreachable } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import type { CheckpointCertificate, CheckpointStatement, OrderingMessageOf } from '../types.js';
import { decodeStable, encodeStable, Snapshot, type StableCheckpoint } from './client-table.js';
import type { Outbox } from './outbox.js';
import { Repair, StateTransfer } from './state-transfer.js';

/** A state that a replica has fetched from within this time is kept for it when there is a newer one. */
const KEPT_MS = 10_000;

interface Kept {
  readonly snapshot: Snapshot;
  fetchedMs: number;
}

/** The last stable checkpoint, in memory and on disk; and one before it while a replica fetches that. */
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

/** Checkpoints that one replica may have signed and that are not stable yet. */
const UNSTABLE_OF_ONE_REPLICA_MAX = 4;

export type CheckpointMessage = OrderingMessageOf<
  'checkpoint' | 'stable' | 'state' | 'fetch-chunk' | 'chunk'
>;

export interface CheckpointEvents {
  /** What is at or below the stable checkpoint is not needed any more. */
  stable(position: number): void;
  /** A quorum, these among it, is at a checkpoint that this replica has not reached. */
  behind(holders: readonly ReplicaId[]): void;
  /** Puts a state, further on than this replica's, in place of its own. */
  install(checkpoint: StableCheckpoint): void;
  /** It is installed, and stable. */
  installed(): void;
  /** What differs between two states of the machine, in words. */
  differences(own: Snapshot, theirs: Snapshot): readonly string[];
}

/** Checkpoints (Castro and Liskov §4.3): what lets the log be cut and a replica catch up without it. */
export class Checkpoints {
  readonly #outbox: Outbox;
  readonly #events: CheckpointEvents;
  readonly #received = new Map<ReplicaId, Map<number, Signed<CheckpointStatement>>>();
  /** This replica's own states that are not stable yet. */
  readonly #own = new Map<number, Snapshot>();
  readonly #store: StableStore;
  readonly #transfer: StateTransfer;
  readonly #repair: Repair;
  /** The last position that this replica has reached. */
  #position = 0;

  constructor(outbox: Outbox, events: CheckpointEvents) {
    this.#outbox = outbox;
    this.#events = events;
    this.#store = new StableStore(outbox);
    this.#repair = new Repair(outbox);
    this.#transfer = new StateTransfer(outbox, (checkpoint) => this.#onState(checkpoint));
  }

  get stable(): StableCheckpoint | undefined {
    return this.#store.stable;
  }

  /** Position of the last stable checkpoint; the low watermark. */
  get low(): number {
    return this.stable?.certificate.statement.position ?? 0;
  }

  /** The high watermark: nothing above it is taken part in. */
  get high(): number {
    return this.low + 2 * this.#outbox.options.checkpointInterval;
  }

  /** Whether a checkpoint of this replica waits for a quorum. */
  get isUnstable(): boolean {
    return this.#own.size > 0;
  }

  restore(records: readonly StoredRecord[]): StableCheckpoint | undefined {
    const stable = this.#store.restore(records);
    this.#position = this.low;
    return stable;
  }

  /** The replica has reached a position. Where a checkpoint is due, that is its state. */
  reached(position: number, snapshot: () => Snapshot): void {
    if (position % this.#outbox.options.checkpointInterval === 0) this.take(position, snapshot);
    else this.#pass(position);
  }

  /** The replica takes a checkpoint at a position, whose state is the same everywhere. */
  take(position: number, snapshot: () => Snapshot): void {
    this.#pass(position);
    if (position <= this.low) return;
    this.#own.set(position, snapshot());
    const signed = this.#signed(position);
    if (!signed) return;
    if (!this.#outbox.replaying) this.#outbox.broadcast({ kind: 'checkpoint', signed });
    this.#onCheckpoint(this.#outbox.options.self, signed);
  }

  #pass(position: number): void {
    this.#position = position;
    if (!this.#repair.isNeeded) this.#transfer.passed(position);
  }

  onMessage(from: ReplicaId, message: CheckpointMessage): void {
    switch (message.kind) {
      case 'checkpoint':
        return this.#onCheckpoint(from, message.signed);
      case 'stable':
        return this.learn(message.certificate);
      case 'state':
        return this.#onManifest(from, message);
      case 'fetch-chunk':
        return this.#onFetch(from, message.digest);
      case 'chunk':
        return this.#transfer.onChunk(message.bytes);
      default:
        return unreachable(message);
    }
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    return this.#transfer.onTimer(name) || this.#repair.onTimer(name);
  }

  /** A certificate from another replica. */
  learn(certificate: CheckpointCertificate): void {
    const { position, digest } = certificate.statement;
    if (position <= this.low) return;
    const snapshot = this.#own.get(position);
    if (snapshot?.digest === digest) return this.#adopt({ certificate, snapshot });
    const isPassed = this.#repair.isNeeded && position <= this.#position;
    if (snapshot || isPassed) return this.#repair.start(certificate);
    this.#events.behind(certificate.signatures.map(({ replica }) => replica));
  }

  /** Shows the stable checkpoint to a replica that is not that far: its state, or that it is stable. */
  show(to: ReplicaId, what: 'state' | 'stable'): void {
    if (!this.stable) return;
    const { certificate, snapshot } = this.stable;
    const { manifest } = snapshot;
    const message =
      what === 'stable' ? { kind: what, certificate } : { kind: what, certificate, manifest };
    this.#outbox.send(to, message);
  }

  /** Says the newest checkpoint that is not stable again. */
  sayAgain(): void {
    if (this.#own.size === 0) return;
    const signed = this.#signed(Math.max(...this.#own.keys()));
    if (signed) this.#outbox.broadcast({ kind: 'checkpoint', signed });
  }

  #onCheckpoint(from: ReplicaId, signed: Signed<CheckpointStatement>): void {
    const { position } = signed.statement;
    if (position <= this.low) return;
    const of = this.#received.get(from) ?? new Map<number, Signed<CheckpointStatement>>();
    this.#received.set(from, of.set(position, signed));
    if (of.size > UNSTABLE_OF_ONE_REPLICA_MAX) of.delete(Math.min(...of.keys()));
    this.#checkStable(signed);
  }

  #onManifest(from: ReplicaId, message: OrderingMessageOf<'state'>): void {
    const { certificate } = message;
    const { position } = certificate.statement;
    const isOfUse = position > this.#position || this.#repair.wants(certificate);
    if (!isOfUse) return this.learn(certificate);
    this.#transfer.start(from, message, this.#own.get(position) ?? this.stable?.snapshot);
  }

  #onFetch(from: ReplicaId, digest: Digest): void {
    if (digest === this.stable?.snapshot.digest) return this.show(from, 'state');
    const bytes = this.#store.chunk(digest);
    if (bytes) this.#outbox.send(from, { kind: 'chunk', bytes });
    // It is of a state that is gone: there is a newer one.
    else this.show(from, 'stable');
  }

  /** A state that a quorum vouches for is at hand. */
  #onState(checkpoint: StableCheckpoint): void {
    const { position } = checkpoint.certificate.statement;
    const replaced = this.#repair.isNeeded ? this.#replaced(checkpoint) : undefined;
    this.#position = position;
    this.#events.install(checkpoint);
    this.#adopt(checkpoint);
    this.#outbox.output({ kind: 'installed', position, ...(replaced && { replaced }) });
    this.#outbox.log('info', 'state-installed', { position });
    this.#events.installed();
  }

  /** This replica's own states were wrong: what differs, where that is known, and none of them is kept. */
  #replaced({ certificate, snapshot }: StableCheckpoint): readonly string[] {
    const { position } = certificate.statement;
    const own = this.#own.get(position);
    const differences = own ? this.#events.differences(own, snapshot) : [];
    this.#outbox.log('error', 'state-replaced', { position, differences });
    this.#own.clear();
    this.#received.delete(this.#outbox.options.self);
    this.#repair.end();
    return differences;
  }

  #signed(position: number): Signed<CheckpointStatement> | undefined {
    const digest = this.#own.get(position)?.digest;
    if (digest === undefined) return undefined;
    const { scope } = this.#outbox;
    return this.#outbox.sign({ kind: 'checkpoint', scope, position, digest });
  }

  #checkStable({ statement, bytes }: Signed<CheckpointStatement>): void {
    const { position, digest } = statement;
    const signatures = [...this.#received]
      .flatMap(([replica, of]) => {
        const signed = of.get(position);
        return signed?.statement.digest === digest
          ? [{ replica, signature: signed.signature }]
          : [];
      })
      .sort((a, b) => a.replica - b.replica);
    if (signatures.length < quorum(this.#outbox.options.resilience)) return;
    this.learn({ statement, bytes, signatures });
  }

  #adopt(checkpoint: StableCheckpoint): void {
    this.#store.adopt(checkpoint);
    const { low } = this;
    for (const position of this.#own.keys()) if (position <= low) this.#own.delete(position);
    for (const of of this.#received.values()) {
      for (const position of of.keys()) if (position <= low) of.delete(position);
    }
    this.#events.stable(low);
  }
}
