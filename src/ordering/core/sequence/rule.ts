import type { Digest, View } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import type {
  CheckpointCertificate,
  OrderingMessage,
  SequenceNewView,
  SequenceNumber,
  SequenceViewChange,
} from '../../types.js';
import type { Checkpoints } from '../checkpoints.js';
import type { OutgoingMessage } from '../outbox.js';
import type { SequenceState } from './state.js';

/** What a new view starts from. Everybody computes it alike from the same view changes. */
export interface NewViewProposals {
  readonly stable: CheckpointCertificate | null;
  /** One for each place above the stable checkpoint, up to `last`; null requests fill the gaps. */
  readonly digests: ReadonlyMap<SequenceNumber, Digest>;
  readonly last: number;
}

export type AnyViewChange = SequenceViewChange;
export type AnyNewView = SequenceNewView;

/** A message of a view change, as the rule that it belongs to reads it. */
export type ViewMessage<V extends AnyViewChange, N extends AnyNewView> =
  | { readonly kind: 'view-change'; readonly signed: Signed<V> }
  | { readonly kind: 'new-view'; readonly signed: Signed<N> };

/** How view changes and new views travel, and lie on disk. */
export interface ViewForms<V extends AnyViewChange, N extends AnyNewView> {
  /** `undefined` for what is no view change or new view of this rule. */
  read(message: OrderingMessage): ViewMessage<V, N> | undefined;
  viewChange(signed: Signed<V>): OutgoingMessage;
  newView(signed: Signed<N>): OutgoingMessage;
  decodeViewChange(bytes: Uint8Array): Signed<V>;
  decodeNewView(bytes: Uint8Array): Signed<N>;
}

/** What a replica shows when it leaves a view, and what the next one must propose for it. */
export interface ViewRule<V extends AnyViewChange, N extends AnyNewView> {
  readonly forms: ViewForms<V, N>;
  /** What this replica asks for a view with. */
  ask(view: View): V;
  /** The new view that these view changes to it, sorted by replica, allow; `undefined` while they do not. */
  open(view: View, viewChanges: readonly Signed<V>[]): N | undefined;
  /** What a new view, which has been checked, requires. */
  proposals(newView: N): NewViewProposals;
}

/** Makes a rule for one replica. */
export type RuleMaker<V extends AnyViewChange, N extends AnyNewView> = (
  state: SequenceState,
  checkpoints: Checkpoints,
) => ViewRule<V, N>;
