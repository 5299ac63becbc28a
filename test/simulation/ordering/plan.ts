import type { OrderingMessage } from '../../../src/ordering/types.js';
import type { OrderingLie } from './byzantine/library.js';
import type { ReplicaPlan } from './replica-plan.js';

/** Kinds of messages whose count tells a liar that its moment has come. */
export const momentous = [
  'proposal',
  'report',
  'phase',
  'checkpoint',
  'rejoin',
  'view-change',
] as const satisfies readonly OrderingMessage['kind'][];

/** A moment of a liar's own: it has seen, or said, so many messages of a kind. */
export interface Moment {
  readonly kind: (typeof momentous)[number];
  readonly count: number;
}

export interface OrderingLiarPlan {
  readonly replica: number;
  readonly behaviours: readonly OrderingLie[];
  /** It lies from the first moment to the second only; without, for ever. */
  readonly during?: readonly [Moment, Moment];
}

/** Lone requests, one after the other, whose waits are measured. The network does no more than be slow. */
export interface Measuring {
  readonly requests: number;
  /** Between messages of correct replicas. */
  readonly delayMaxMs: number;
}

/** All that makes a run, besides its seed: a small value that can be printed, edited and shrunk. */
export interface OrderingPlan extends ReplicaPlan {
  readonly scenario: 'ordering';
  /** Requests that are submitted at each replica. */
  readonly requests: number;
  readonly liars: readonly OrderingLiarPlan[];
  readonly twins: readonly number[];
  /** How the Decision Module of Antipaxos votes. */
  readonly decisionsBy: 'pbft' | 'fab';
  readonly batchDelayMs: number;
  readonly batchRequestsMax: number;
  /** Bytes that the state machine's snapshot has besides what it needs. */
  readonly stateBytes: number;
  /** Set where nothing is wrong but the liars, and what they cost is measured. */
  readonly measuring: Measuring | null;
}
