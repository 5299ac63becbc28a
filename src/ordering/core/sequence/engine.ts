import type { StoredRecord, TimerInput } from '../../../kernel/core.js';
import type { Batch, OrderingRequest, OrderingScope } from '../../types.js';
import {
  checkOptions,
  type OrderingEngine,
  type OrderingInput,
  type OrderingOptions,
  type OrderingOutput,
  type StateMachine,
} from '../engine.js';
import { type InputParts, outputsOf } from '../inputs.js';
import { Outbox } from '../outbox.js';
import { isTooLong } from '../pending.js';
import { type AnySequenceReplica, fitted } from './replica.js';
import type { SequenceHost } from './state.js';

/**
 * An engine with a primary, which orders batches, several at once. Positions are sequence numbers.
 *
 * @example
 * ```ts
 * import type { SequenceEngine } from 'concordat/ordering';
 *
 * // What a status page says of it: each change of the primary is a new view.
 * export function status({ kind, view, position }: SequenceEngine): string {
 *   return `${kind}: view ${view}, ${position} batches`;
 * }
 * ```
 */
export abstract class SequenceEngine implements OrderingEngine {
  abstract readonly kind: OrderingEngine['kind'];
  /**
   * Counts as one, however many batches are under way, so that a turn is what is there to be read: a batch has many
   * requests in it already, and a longer turn makes all its clients wait.
   */
  readonly underWay = 1;
  readonly #outbox: Outbox;
  readonly #parts: InputParts = {
    submit: (request) => this.#submit(request),
    peer: (message) => this.#replica.onMessage(message),
    peerUp: (replica) => this.#replica.greet(replica),
    timer: (name) => this.#replica.onTimer(name),
  };
  readonly #replica: AnySequenceReplica;

  protected constructor(
    scope: OrderingScope,
    options: OrderingOptions,
    machine: StateMachine,
    replica: (outbox: Outbox, host: SequenceHost) => AnySequenceReplica,
  ) {
    checkOptions(options);
    this.#outbox = new Outbox({ ...options, ...fitted(options) }, scope);
    const host: SequenceHost = {
      judge: () => 'accept',
      apply: (position, batch) => this.#apply(machine, position, batch),
      snapshot: () => machine.snapshot(),
      differences: (own, theirs) => machine.differences(own, theirs),
      install: (snapshot) => machine.install(snapshot),
    };
    this.#replica = replica(this.#outbox, host);
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
    return outputsOf(this.#outbox, this.#parts, input);
  }

  #submit(request: OrderingRequest): void {
    if (this.#replica.isExecuted(request)) {
      this.#outbox.output({ kind: 'refused', request, reason: 'executed' });
    } else if (isTooLong(request)) {
      this.#outbox.output({ kind: 'refused', request, reason: 'too-long' });
    } else if (!this.#replica.submit(request)) {
      this.#outbox.output({ kind: 'refused', request, reason: 'busy' });
    }
  }

  #apply(machine: StateMachine, position: number, batch: Batch): void {
    machine.apply(position, batch);
    if (!this.#outbox.replaying) this.#outbox.output({ kind: 'delivered', position, batch });
  }
}
