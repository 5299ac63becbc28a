import type { Digest, ReplicaId, View } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type {
  CheckpointCertificate,
  OrderingScope,
  SequenceNumber,
  SharedCertificate,
} from './common-types.js';

/** Pre-prepare, prepare and commit of Castro and Liskov §4.2; all replicas sign the same bytes. */
export interface SequencePhase {
  readonly kind: 'phase';
  readonly scope: OrderingScope;
  readonly phase: 'pre-prepare' | 'prepare' | 'commit';
  readonly view: View;
  readonly sequence: SequenceNumber;
  /** Digest of the encoded batch. */
  readonly digest: Digest;
}

/** The primary's pre-prepare and `quorum - 1` prepares of backups. The batch is fetched by its digest. */
export interface SequencePrepared {
  readonly prePrepare: Signed<SequencePhase>;
  readonly prepares: SharedCertificate<SequencePhase>;
}

/** Castro and Liskov §4.4. */
export interface SequenceViewChange {
  readonly kind: 'view-change';
  readonly scope: OrderingScope;
  readonly view: View;
  readonly replica: ReplicaId;
  /** The last stable checkpoint; `null` at position 0. */
  readonly stable: CheckpointCertificate | null;
  /** What prepared above it, each in the highest view that it did in; sorted by sequence number. */
  readonly prepared: readonly SequencePrepared[];
  /**
   * What committed above it and did not prepare here in that view or a later one; sorted by sequence number.
   * A replica that has lost its store and come back knows so what it once prepared.
   */
  readonly committed: readonly SharedCertificate<SequencePhase>[];
}

/** A quorum of view changes, sorted by replica. What it proposes, everybody recomputes from them. */
export interface SequenceNewView {
  readonly kind: 'new-view';
  readonly scope: OrderingScope;
  readonly view: View;
  readonly viewChanges: readonly Signed<SequenceViewChange>[];
}
