import { orderOutcome } from '../../core/session/order-outcome.js';
import { activationSlotRequest } from '../../crypto/activation-slot.js';
import { orderRequest } from '../../crypto/order-request.js';
import type { Slot } from '../../vocabulary/agreement.js';
import type { Cluster } from '../../vocabulary/cluster.js';
import { initiatorId } from '../../vocabulary/ids.js';
import type { CertifiedOrder } from '../../vocabulary/session.js';
import type { Decisions } from '../coordinator/decisions.js';
import { OrderDelivery, type OrderDeliveryOptions } from './order-delivery.js';
import type { OpenOrder, OrderOutcome, OrderRunner } from './order-runner.js';

export interface OrdersOptions extends OrderDeliveryOptions {
  /** Of this replica's own coordinator. */
  readonly decisions: Pick<Decisions, 'of'>;
}

/** Something that goes on for a lane, and for which of its orders. */
interface Task {
  readonly number: number;
  readonly end: AbortController;
}

/**
 * Orders of sessions as WS-AT transactions. Any replica may bring an order to the initiators, and several
 * do no harm: its lane and number name its activation slot, so it is one transaction. What it came to a
 * replica takes from its own coordinator alone.
 *
 * An order that never becomes a transaction stays open, and is brought ever less often. One order of a
 * lane is open at a time, so that is one delivery and one watch for each lane at the most.
 */
export class Orders implements OrderRunner {
  readonly #options: OrdersOptions;
  readonly #delivery: OrderDelivery;
  readonly #deliveries = new Map<number, Task>();
  readonly #watches = new Map<number, Task>();
  /** The last order of each lane that this replica's coordinator has told the outcome of. */
  readonly #ended = new Map<number, number>();
  readonly #underWay = new Set<Promise<void>>();
  #isStopping = false;

  constructor(options: OrdersOptions) {
    this.#options = options;
    this.#delivery = new OrderDelivery(options);
  }

  run(order: CertifiedOrder): void {
    const { lane, number } = order.certificate.statement;
    if (number <= (this.#ended.get(lane) ?? 0)) return;
    this.#start(this.#deliveries, lane, number, (signal) => this.#delivery.deliver(order, signal));
  }

  watch(order: OpenOrder, onEnded: (outcome: OrderOutcome) => void): void {
    const { lane, number } = order;
    this.#start(this.#watches, lane, number, async (signal) => {
      const outcome = await this.#outcomeOf(order, signal);
      this.#ended.set(lane, number);
      const delivery = this.#deliveries.get(lane);
      if (delivery !== undefined && delivery.number <= number) delivery.end.abort();
      onEnded(outcome);
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const { end } of [...this.#deliveries.values(), ...this.#watches.values()]) end.abort();
    await Promise.all(this.#underWay);
  }

  /** A later order of a lane takes the place of an earlier one, which is over; the same goes on. */
  #start(
    tasks: Map<number, Task>,
    lane: number,
    number: number,
    work: (signal: AbortSignal) => Promise<void>,
  ): void {
    const current = tasks.get(lane);
    if (this.#isStopping || (current !== undefined && current.number >= number)) return;
    current?.end.abort();
    const task: Task = { number, end: new AbortController() };
    tasks.set(lane, task);
    const { signal } = task.end;
    const done = work(signal)
      .catch((error: unknown) => {
        if (signal.aborted) return;
        this.#options.log.error({ err: error, lane, number }, 'order-task-failed');
      })
      .finally(() => {
        this.#underWay.delete(done);
        if (tasks.get(lane) === task) tasks.delete(lane);
      });
    this.#underWay.add(done);
  }

  async #outcomeOf(order: OpenOrder, signal: AbortSignal): Promise<OrderOutcome> {
    const { decisions, cluster } = this.#options;
    const { commits } = await decisions.of(activationOf(cluster, order), signal);
    const { result } = commits.statement;
    if (result.kind !== 'activation') throw new Error('a decision of another kind than its slot');
    const { value } = await decisions.of({ kind: 'outcome', tid: result.tid }, signal);
    if (value.kind !== 'outcome') throw new Error('a decision of another kind than its slot');
    const outcome = orderOutcome(value);
    return outcome.kind === 'committed' ? 'committed' : { aborted: outcome.reason };
  }
}

/** The activation slot that initiators ask for when they carry the order out. */
export function activationOf(cluster: Cluster, order: OpenOrder): Slot {
  const { digest, ...request } = orderRequest(cluster.id, order);
  const statement = {
    ...request,
    kind: 'activation',
    request: digest,
    expiresMs: cluster.timing.defaultExpiresMs,
    // The slot is the same for all of them.
    initiator: initiatorId(0),
  } as const;
  return { kind: 'activation', request: activationSlotRequest(statement) };
}
