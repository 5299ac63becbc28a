import type { OrderingOptions, StateMachine } from '../engine.js';
import { SequenceEngine } from '../sequence/engine.js';
import { SequenceReplica } from '../sequence/replica.js';
import { fabRule } from './rule.js';

/**
 * The `fab` engine: one primary orders batches, several at once, and its proposal is decided after two message delays
 * where no more than `t` replicas are silent. Positions are sequence numbers.
 *
 * @example
 * ```ts
 * import { FabEngine, type OrderingOptions, type StateMachine } from 'concordat/ordering';
 *
 * // The same as PBFT, with one phase less where few replicas are silent.
 * export function inTwoSteps(options: OrderingOptions, machine: StateMachine): FabEngine {
 *   return new FabEngine(options, machine);
 * }
 * ```
 */
export class FabEngine extends SequenceEngine {
  readonly kind = 'fab';

  constructor(options: OrderingOptions, machine: StateMachine) {
    const rule = fabRule(options.resilience);
    super('fab', options, machine, (outbox, host) => new SequenceReplica(outbox, host, rule));
  }
}
