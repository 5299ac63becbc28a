import type { ExclusionStrategy } from '../../../src/ordering/core/antipaxos/state.js';
import type { OrderingMessage } from '../../../src/ordering/types.js';
import type { OrderingLie } from './byzantine/library.js';
import type { OrderingFault } from './fault-kinds.js';

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
export interface OrderingPlan {
  readonly scenario: 'ordering';
  readonly seed: number;
  readonly engine: 'antipaxos' | 'pbft';
  readonly n: number;
  readonly f: number;
  /** Requests that are submitted at each replica. */
  readonly requests: number;
  /** How long faults go on. Afterwards all is mended, and everything must be delivered. */
  readonly chaosMs: number;
  /** The faults that are on, each with a strength above 0 and up to 1. */
  readonly faults: Partial<Readonly<Record<OrderingFault, number>>>;
  readonly liars: readonly OrderingLiarPlan[];
  /** Replicas that run twice with one key; they count as liars. */
  readonly twins: readonly number[];
  readonly exclusion: ExclusionStrategy;
  readonly pipelineDepth: number;
  readonly checkpointInterval: number;
  readonly batchDelayMs: number;
  readonly batchRequestsMax: number;
  /** Bytes that the state machine's snapshot has besides what it needs. */
  readonly stateBytes: number;
  /** Set where nothing is wrong but the liars, and what they cost is measured. */
  readonly measuring: Measuring | null;
  /** Events of the whole run; a run that needs more fails. */
  readonly stepsMax: number;
}

/** Whether a replica is one of the `f`: nothing is promised of it. */
export function isFaulty(plan: OrderingPlan, replica: number): boolean {
  return plan.twins.includes(replica) || plan.liars.some((liar) => liar.replica === replica);
}
