import type { StoredRecord } from '../../../kernel/core.js';
import type { Digest, ReplicaId, View } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import type {
  Batch,
  CheckpointCertificate,
  OrderingMessage,
  SequenceNewView,
  SequenceNumber,
  SequenceViewChange,
  SharedCertificate,
  TwoStepNewView,
  TwoStepViewChange,
  ViewConfirmation,
} from '../../types.js';
import type { Checkpoints } from '../checkpoints.js';
import type { OutgoingMessage } from '../outbox.js';
import type { Judgement, SequenceState } from './state.js';

/** What a new view starts from. Everybody computes it alike from the same view changes. */
export interface NewViewProposals {
  readonly stable: CheckpointCertificate | null;
  /** One for each place above the stable checkpoint, up to `last`; null requests fill the gaps. */
  readonly digests: ReadonlyMap<SequenceNumber, Digest>;
  readonly last: number;
  /** Places where no correct replica is known to have judged what is required; none where this is missing. */
  readonly unvouched?: ReadonlySet<number>;
}

export type AnyViewChange = SequenceViewChange | TwoStepViewChange;
export type AnyNewView = SequenceNewView | TwoStepNewView;

/** A message of a view change, as the rule that it belongs to reads it. */
export type ViewMessage<V extends AnyViewChange, N extends AnyNewView> =
  | { readonly kind: 'view-change'; readonly signed: Signed<V> }
  | { readonly kind: 'new-view'; readonly signed: Signed<N> };

/** How view changes and new views travel. */
export interface TravellingForms<V extends AnyViewChange, N extends AnyNewView> {
  /** `undefined` for what is no view change or new view of this rule. */
  read(message: OrderingMessage): ViewMessage<V, N> | undefined;
  viewChange(signed: Signed<V>): OutgoingMessage;
  newView(signed: Signed<N>): OutgoingMessage;
}

/** And how they lie on disk. */
export interface ViewForms<V extends AnyViewChange, N extends AnyNewView>
  extends TravellingForms<V, N> {
  decodeViewChange(bytes: Uint8Array): Signed<V>;
  decodeNewView(bytes: Uint8Array): Signed<N>;
}

/** What a replica shows when it leaves a view, and what the next one must propose for it. */
export interface ViewRule<V extends AnyViewChange, N extends AnyNewView> {
  readonly forms: ViewForms<V, N>;
  /** So many view changes may open a view. */
  readonly least: number;
  /** Where nobody votes in a view before its start is proved. */
  readonly starts?: Starts;
  /** What this replica asks for a view with. */
  ask(view: View): V;
  /** The new view that these view changes to it, sorted by replica, allow; `undefined` while they do not. */
  open(view: View, viewChanges: readonly Signed<V>[]): N | undefined;
  /** While the view that this replica asks for is not open. */
  sayAgain?(): void;
  /** A batch came. Returns whether a new view may have waited for it. */
  onBatch?(digest: Digest, batch: Batch): boolean;
  /** What a new view, which has been checked, requires. */
  proposals(newView: N): NewViewProposals;
}

/** How the start of a view is proved to those that were not there. */
export interface Starts {
  /** From disk, before anything else. */
  restore(records: readonly StoredRecord[]): void;
  /** This replica is in the view, whose start has been checked. */
  begin(view: View, proposals: NewViewProposals): void;
  /** For a replica that comes later. */
  show(to: ReplicaId): void;
  sayAgain(): void;
  onMessage(from: ReplicaId, confirmations: SharedCertificate<ViewConfirmation>): void;
}

/** What a rule asks of the replica, and tells it. */
export interface RuleHost {
  /** Whether a new view may require this batch, which a replica has acknowledged. */
  judgeRequired(batch: Batch): Judgement;
  /** The start of the current view is proved. */
  justified(): void;
}

/** Makes a rule for one replica. */
export interface RuleMaker<V extends AnyViewChange, N extends AnyNewView> {
  /** So many acknowledgements decide alone; `undefined` where none do. */
  readonly fastQuorum?: number;
  make(state: SequenceState, checkpoints: Checkpoints, host: RuleHost): ViewRule<V, N>;
}
