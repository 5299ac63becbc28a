import { sha256 } from '../../crypto/digest.js';
import type { ReplicaId } from '../../vocabulary/ids.js';
import type { CheckpointCertificate, CheckpointStatement } from '../../vocabulary/ordering.js';
import { quorum } from '../../vocabulary/quorum.js';
import type { Signed } from '../../vocabulary/statements.js';
import type { StoredRecord } from '../effects.js';
import type { Outbox } from './outbox.js';
import { decodeStable, encodeStable, type StableCheckpoint } from './snapshot.js';

/** Checkpoints that one replica may have signed and that are not stable yet. */
const UNSTABLE_OF_ONE_REPLICA_MAX = 4;

export interface CheckpointEvents {
  /** What is at or below the stable checkpoint is not needed any more. */
  stable(position: number): void;
  /** A quorum is at a checkpoint that this replica has not reached. */
  behind(certificate: CheckpointCertificate): void;
}

/** Checkpoints (Castro and Liskov §4.3): what lets the log be cut and a replica catch up without it. */
export class Checkpoints {
  readonly #outbox: Outbox;
  readonly #events: CheckpointEvents;
  readonly #received = new Map<ReplicaId, Map<number, Signed<CheckpointStatement>>>();
  readonly #own = new Map<number, { readonly digest: string; readonly snapshot: Uint8Array }>();
  #stable: StableCheckpoint | undefined;

  constructor(outbox: Outbox, events: CheckpointEvents) {
    this.#outbox = outbox;
    this.#events = events;
  }

  get stable(): StableCheckpoint | undefined {
    return this.#stable;
  }

  /** Position of the last stable checkpoint; the low watermark. */
  get low(): number {
    return this.#stable?.certificate.statement.position ?? 0;
  }

  /** The high watermark: nothing above it is taken part in. */
  get high(): number {
    return this.low + 2 * this.#outbox.options.checkpointInterval;
  }

  /** Whether a checkpoint of this replica waits for a quorum. */
  get isUnstable(): boolean {
    return this.#own.size > 0;
  }

  isDue(position: number): boolean {
    return position % this.#outbox.options.checkpointInterval === 0;
  }

  restore(records: readonly StoredRecord[]): StableCheckpoint | undefined {
    const [stored] = this.#outbox.stored(records, 'stable');
    this.#stable = stored && decodeStable(this.#outbox.options.cluster, stored[1]);
    return this.#stable;
  }

  /** This replica's state at a position. */
  take(position: number, snapshot: Uint8Array): void {
    if (position <= this.low) return;
    this.#own.set(position, { digest: sha256(snapshot), snapshot });
    const signed = this.#signed(position);
    if (!signed) return;
    if (!this.#outbox.replaying) this.#outbox.broadcast({ kind: 'checkpoint', signed });
    this.onCheckpoint(this.#outbox.options.self, signed);
  }

  onCheckpoint(from: ReplicaId, signed: Signed<CheckpointStatement>): void {
    const { position } = signed.statement;
    if (position <= this.low) return;
    const of = this.#received.get(from) ?? new Map<number, Signed<CheckpointStatement>>();
    this.#received.set(from, of.set(position, signed));
    if (of.size > UNSTABLE_OF_ONE_REPLICA_MAX) of.delete(Math.min(...of.keys()));
    this.#checkStable(signed);
  }

  /** A certificate of somebody else. */
  learn(certificate: CheckpointCertificate): void {
    const { position, digest } = certificate.statement;
    if (position <= this.low) return;
    const own = this.#own.get(position);
    if (own?.digest === digest) return this.#adopt({ certificate, snapshot: own.snapshot });
    if (own) this.#outbox.log('error', 'state-diverged', { position });
    this.#events.behind(certificate);
  }

  /** A state that the caller has installed. */
  installed(checkpoint: StableCheckpoint): void {
    this.#adopt(checkpoint);
  }

  /** Says the newest checkpoint that is not stable again. */
  sayAgain(): void {
    if (this.#own.size === 0) return;
    const signed = this.#signed(Math.max(...this.#own.keys()));
    if (signed) this.#outbox.broadcast({ kind: 'checkpoint', signed });
  }

  #signed(position: number): Signed<CheckpointStatement> | undefined {
    const own = this.#own.get(position);
    if (!own) return undefined;
    const { scope } = this.#outbox;
    return this.#outbox.sign({ kind: 'checkpoint', scope, position, digest: sha256(own.snapshot) });
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
    this.#stable = checkpoint;
    this.#outbox.persist('stable', encodeStable(checkpoint));
    const { low } = this;
    for (const position of this.#own.keys()) if (position <= low) this.#own.delete(position);
    for (const of of this.#received.values()) {
      for (const position of of.keys()) if (position <= low) of.delete(position);
    }
    this.#events.stable(low);
  }
}
