import type { OrderingLie } from '../ordering/byzantine/library.js';
import type { ReplicaPlan } from '../ordering/replica-plan.js';
import type { SessionLie } from './byzantine/library.js';

export interface SessionLiarPlan {
  readonly replica: number;
  readonly behaviours: readonly SessionLie[];
  /** The same adversary lies to the ordering engines, too. */
  readonly ordering: readonly OrderingLie[];
}

/** All that makes a run, besides its seed: a small value that can be printed, edited and shrunk. */
export interface SessionsPlan extends ReplicaPlan {
  readonly scenario: 'sessions';
  readonly clients: number;
  readonly sessionsPerClient: number;
  readonly operationsPerSession: number;
  /** Keys that all sessions work on: the fewer, the more simulations turn out wrong. */
  readonly keys: number;
  readonly liars: readonly SessionLiarPlan[];
  readonly commitAfterMs: number;
  readonly takeoverAfterMs: number;
  readonly promisePositions: number;
}
