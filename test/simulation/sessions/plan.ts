import type { ExclusionStrategy } from '../../../src/ordering/core/antipaxos/state.js';
import type { OrderingLie } from '../ordering/byzantine/library.js';
import type { OrderingFault } from '../ordering/fault-kinds.js';
import type { SessionLie } from './byzantine/library.js';

export interface SessionLiarPlan {
  readonly replica: number;
  readonly behaviours: readonly SessionLie[];
  /** The same adversary lies to the ordering engines, too. */
  readonly ordering: readonly OrderingLie[];
}

/** All that makes a run, besides its seed: a small value that can be printed, edited and shrunk. */
export interface SessionsPlan {
  readonly scenario: 'sessions';
  readonly seed: number;
  readonly engine: 'antipaxos' | 'pbft';
  readonly n: number;
  readonly f: number;
  readonly clients: number;
  readonly sessionsPerClient: number;
  readonly operationsPerSession: number;
  /** Keys that all sessions work on: the fewer, the more simulations turn out wrong. */
  readonly keys: number;
  /** How long faults go on. Afterwards all is mended, and everything must be final. */
  readonly chaosMs: number;
  /** The faults that are on, each with a strength above 0 and up to 1. */
  readonly faults: Partial<Readonly<Record<OrderingFault, number>>>;
  readonly liars: readonly SessionLiarPlan[];
  readonly exclusion: ExclusionStrategy;
  readonly pipelineDepth: number;
  readonly checkpointInterval: number;
  readonly commitAfterMs: number;
  readonly takeoverAfterMs: number;
  readonly promisePositions: number;
  /** Events of the whole run; a run that needs more fails. */
  readonly stepsMax: number;
}

export function isFaulty(plan: SessionsPlan, replica: number): boolean {
  return plan.liars.some((liar) => liar.replica === replica);
}
