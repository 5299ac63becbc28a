import type { EngineName, Timing } from '../../kernel/cluster.js';
import { AntipaxosEngine } from '../../ordering/core/antipaxos/engine.js';
import { type OrderingOptions, orderingDefaults } from '../../ordering/core/engine.js';
import { FabEngine } from '../../ordering/core/fab/engine.js';
import { PbftEngine } from '../../ordering/core/pbft/engine.js';
import type { SessionOptions } from '../core/application.js';

/**
 * Longest that a phase of Antipaxos waits for a silent process, however slow the network seems: enough for
 * delays of a quarter of a second. A process that is away again and again looks like a slow network, and
 * must not hold up the others for long.
 */
export const antipaxosTimeoutMaxMs = 1000;

/** Makes the engine that the cluster file names. */
export function engineMaker(name: EngineName, timing: Timing): SessionOptions['engine'] {
  const { suspectAfterMs, resendAfterMs } = timing;
  return (identity, machine) => {
    const options: OrderingOptions = {
      ...orderingDefaults,
      ...identity,
      suspectAfterMs,
      resendAfterMs,
    };
    switch (name) {
      case 'antipaxos':
        return new AntipaxosEngine(
          { ...options, exclusion: 'S1', timeoutMaxMs: antipaxosTimeoutMaxMs },
          machine,
        );
      case 'fab':
        return new FabEngine(options, machine);
      case 'pbft':
        return new PbftEngine(options, machine);
    }
  };
}
