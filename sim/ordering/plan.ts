import type { ExclusionStrategy } from '../../src/core/ordering/antipaxos/options.js';
import type { OrderingLie } from './byzantine/library.js';
import type { OrderingFault } from './fault-kinds.js';

export interface OrderingLiarPlan {
  readonly replica: number;
  readonly behaviours: readonly OrderingLie[];
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
  /** Events of the whole run; a run that needs more fails. */
  readonly stepsMax: number;
}

/** Whether a replica is one of the `f`: nothing is promised of it. */
export function isFaulty(plan: OrderingPlan, replica: number): boolean {
  return plan.twins.includes(replica) || plan.liars.some((liar) => liar.replica === replica);
}
