import type { OrderingOptions, StateMachine } from '../engine.js';
import { SequenceEngine } from '../sequence/engine.js';
import { SequenceReplica } from '../sequence/replica.js';
import { pbftRule } from './rule.js';

/**
 * The `pbft` engine: one primary orders batches, several at once. Positions are sequence numbers.
 *
 * @example
 * ```ts
 * import { loadCluster, loadNode } from 'concordat/client';
 * import { ed25519Signer, orderingDefaults, PbftEngine, type StateMachine } from 'concordat/ordering';
 *
 * let count = 0;
 * const counter: StateMachine = {
 *   apply: (_position, batch) => {
 *     count += batch.length;
 *   },
 *   snapshot: () => [new TextEncoder().encode(String(count))],
 *   differences: () => [],
 *   install: (snapshot) => {
 *     count = Number(new TextDecoder().decode(snapshot));
 *   },
 *   interferes: () => true,
 * };
 * const node = await loadNode('.concordat/nodes/coordinator-0.json');
 * const { id: cluster, resilience, coordinators } = await loadCluster(node.clusterFile);
 * const self = coordinators.find(({ name }) => name === node.name)?.id;
 * if (node.role !== 'coordinator' || self === undefined) throw new Error('not a coordinator');
 * const sign = ed25519Signer(node.statementKey);
 * const engine = new PbftEngine(
 *   { ...orderingDefaults, cluster, resilience, self, sign },
 *   counter,
 * );
 * console.log(engine.position);
 * ```
 */
export class PbftEngine extends SequenceEngine {
  readonly kind = 'pbft';

  constructor(options: OrderingOptions, machine: StateMachine) {
    super('pbft', options, machine, (outbox, host) => new SequenceReplica(outbox, host, pbftRule));
  }
}
