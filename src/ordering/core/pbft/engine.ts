import type { StoredRecord, TimerInput } from '../../../kernel/core.js';
import { unreachable } from '../../../kernel/ids.js';
import type { Batch, OrderingRequest } from '../../types.js';
import {
  checkOptions,
  type OrderingEngine,
  type OrderingInput,
  type OrderingOptions,
  type OrderingOutput,
  type StateMachine,
} from '../engine.js';
import { Outbox } from '../outbox.js';
import { PbftReplica } from './replica.js';

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
export class PbftEngine implements OrderingEngine {
  readonly kind = 'pbft';
  /**
   * Counts as one, however many batches are under way, so that a turn is what is there to be read: a batch has many
   * requests in it already, and a longer turn makes all its clients wait.
   */
  readonly underWay = 1;
  readonly #outbox: Outbox;
  readonly #replica: PbftReplica;

  constructor(options: OrderingOptions, machine: StateMachine) {
    checkOptions(options);
    this.#outbox = new Outbox(options, 'pbft');
    this.#replica = new PbftReplica(this.#outbox, {
      judge: () => 'accept',
      apply: (position, batch) => this.#apply(machine, position, batch),
      snapshot: () => machine.snapshot(),
      differences: (own, theirs) => machine.differences(own, theirs),
      install: (snapshot) => machine.install(snapshot),
    });
  }

  get position(): number {
    return this.#replica.position;
  }

  get view(): number {
    return this.#replica.view;
  }

  get isLost(): boolean {
    return this.#replica.isLost;
  }

  get forgottenThrough(): number | undefined {
    return this.#replica.forgottenThrough;
  }

  /** Entries in the log, for metrics. */
  get logSize(): number {
    return this.#replica.logSize;
  }

  restore(records: readonly StoredRecord[]): readonly OrderingOutput[] {
    this.#replica.restore(records);
    return this.#outbox.take();
  }

  handle(input: OrderingInput | TimerInput): readonly OrderingOutput[] {
    switch (input.kind) {
      case 'submit':
        this.#outbox.advance(input.nowMs);
        this.#submit(input.request);
        break;
      case 'peer':
        this.#outbox.advance(input.nowMs);
        this.#replica.onMessage(input.message);
        break;
      case 'peer-up':
        this.#replica.greet(input.replica);
        break;
      case 'timer':
        this.#replica.onTimer(input.name);
        break;
      default:
        return unreachable(input);
    }
    return this.#outbox.take();
  }

  #submit(request: OrderingRequest): void {
    if (this.#replica.isExecuted(request)) {
      this.#outbox.output({ kind: 'refused', request, reason: 'executed' });
    } else if (!this.#replica.submit(request)) {
      this.#outbox.output({ kind: 'refused', request, reason: 'busy' });
    }
  }

  #apply(machine: StateMachine, position: number, batch: Batch): void {
    machine.apply(position, batch);
    if (!this.#outbox.replaying) this.#outbox.output({ kind: 'delivered', position, batch });
  }
}
