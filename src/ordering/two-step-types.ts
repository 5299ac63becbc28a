import type { Digest, ReplicaId, View } from '../kernel/ids.js';
import type { Signed } from '../kernel/signed.js';
import type { CheckpointCertificate, OrderingScope, SharedCertificate } from './common-types.js';
import type { SequencePhase, SequencePrepared } from './sequence-types.js';

/** What the start of a view requires of its primary. */
export interface ViewTable {
  /** Position of the stable checkpoint that it starts from. Nothing at or below is proposed. */
  readonly low: number;
  /** One for each place above it. Beyond the last the primary is free. */
  readonly digests: readonly Digest[];
}

/** A replica has recomputed a view's start. All that came to the same sign the same bytes. */
export interface ViewConfirmation {
  readonly kind: 'confirmation';
  readonly scope: OrderingScope;
  readonly view: View;
  /** Digest of the encoded table. */
  readonly digest: Digest;
}

/**
 * A start that a correct replica has recomputed: `f + 1` confirmations. What was acknowledged in its view counts with
 * it, where the table has the same or leaves the primary free. (A progress certificate, in FaB's words.)
 */
export interface ViewStart {
  readonly table: ViewTable;
  readonly confirmations: SharedCertificate<ViewConfirmation>;
}

/** Where acknowledgements alone decide, a view change shows them, too. */
export interface TwoStepViewChange {
  readonly kind: 'two-step-view-change';
  readonly scope: OrderingScope;
  readonly view: View;
  readonly replica: ReplicaId;
  /** The last stable checkpoint; `null` at position 0. */
  readonly stable: CheckpointCertificate | null;
  /**
   * What the replica acknowledged last at each place above it, as the primary signed it, where it shows no
   * certificate of that view or a later one; sorted by sequence number.
   */
  readonly acked: readonly Signed<SequencePhase>[];
  /** The start of each view above 0 that it acknowledged these in; sorted by view. */
  readonly starts: readonly ViewStart[];
  /** What a quorum acknowledged, each in the highest view that it did in; sorted by sequence number. */
  readonly prepared: readonly SequencePrepared[];
  /** What committed and was not acknowledged so in that view or a later one; sorted by sequence number. */
  readonly committed: readonly SharedCertificate<SequencePhase>[];
}

/** `n - f` view changes or more, sorted by replica. What it requires, everybody recomputes from them. */
export interface TwoStepNewView {
  readonly kind: 'two-step-new-view';
  readonly scope: OrderingScope;
  readonly view: View;
  readonly viewChanges: readonly Signed<TwoStepViewChange>[];
}
