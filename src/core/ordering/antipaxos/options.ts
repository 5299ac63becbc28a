import type { OrderingOptions } from '../engine.js';

/**
 * When a process that is missing is left out (Antipaxos §6.2), and the least that a phase waits.
 * S1: after one cycle. S2: after twenty in a row. S3: after one, but it waits longer.
 */
export const exclusionStrategies = {
  S1: { missedMax: 1, timeoutMs: 100 },
  S2: { missedMax: 20, timeoutMs: 100 },
  S3: { missedMax: 1, timeoutMs: 200 },
} as const;

export type ExclusionStrategy = keyof typeof exclusionStrategies;

export interface AntipaxosOptions extends OrderingOptions {
  readonly exclusion: ExclusionStrategy;
  /** The longest that a phase waits, however slow the network seems. */
  readonly timeoutMaxMs: number;
}
