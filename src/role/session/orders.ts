import { orderOutcome } from '../../core/session/order-outcome.js';
import { activationContent, activationSlotRequest } from '../../crypto/activation-slot.js';
import { orderRequest } from '../../crypto/order-request.js';
import type { Slot } from '../../vocabulary/agreement.js';
import type { Cluster } from '../../vocabulary/cluster.js';
import { initiatorId } from '../../vocabulary/ids.js';
import type { CertifiedOrder } from '../../vocabulary/session.js';
import type { ActivationStatement } from '../../vocabulary/statements.js';
import type { Decisions } from '../coordinator/decisions.js';
import { OrderDelivery, type OrderDeliveryOptions } from './order-delivery.js';
import type { OpenOrder, OrderOutcome, OrderRunner } from './order-runner.js';

export interface OrdersOptions extends OrderDeliveryOptions {
  /** Of this replica's own coordinator. */
  readonly decisions: Pick<Decisions, 'of'>;
}

interface LastOrder {
  readonly number: number;
  /** Tells its outcome again, once this replica's coordinator has decided it. */
  tell: (() => void) | undefined;
}

/**
 * Orders of sessions as WS-AT transactions. Any replica may bring an order to the initiators, and several
 * do no harm: its lane and number name its activation slot, so it is one transaction. What it came to a
 * replica takes from its own coordinator alone.
 *
 * An order that never becomes a transaction stays open, and whoever asked to run it asks again. One order
 * of a lane is open at a time, so there is one delivery and one watch for each lane at the most.
 */
export class Orders implements OrderRunner {
  readonly #options: OrdersOptions;
  readonly #delivery: OrderDelivery;
  /** What goes on for each lane; aborted to end it. */
  readonly #deliveries = new Map<number, AbortController>();
  readonly #watches = new Map<number, AbortController>();
  /** The last order of each lane. */
  readonly #last = new Map<number, LastOrder>();
  readonly #underWay = new Set<Promise<void>>();
  #isStopping = false;

  constructor(options: OrdersOptions) {
    this.#options = options;
    this.#delivery = new OrderDelivery(options);
  }

  run(order: CertifiedOrder): void {
    const { lane, number } = order.certificate.statement;
    const last = this.#take(lane, number);
    if (last === undefined) return;
    // Whoever asks has not heard.
    if (last.tell !== undefined) return last.tell();
    this.#start(this.#deliveries, lane, (signal) => this.#delivery.deliver(order, signal));
  }

  watch(order: OpenOrder, onEnded: (outcome: OrderOutcome) => void): void {
    const last = this.#take(order.lane, order.number);
    if (last === undefined) return;
    this.#start(this.#watches, order.lane, async (signal) => {
      const outcome = await this.#outcomeOf(order, signal);
      last.tell = () => onEnded(outcome);
      this.#deliveries.get(order.lane)?.abort();
      last.tell();
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const lane of this.#last.keys()) this.#end(lane);
    await Promise.all(this.#underWay);
  }

  /** The lane's last order, if this is it; a later one shows that those before it are over. */
  #take(lane: number, number: number): LastOrder | undefined {
    const known = this.#last.get(lane);
    if (this.#isStopping || (known !== undefined && number < known.number)) return undefined;
    if (known?.number === number) return known;
    this.#end(lane);
    const last: LastOrder = { number, tell: undefined };
    this.#last.set(lane, last);
    return last;
  }

  #end(lane: number): void {
    for (const tasks of [this.#deliveries, this.#watches]) {
      tasks.get(lane)?.abort();
      tasks.delete(lane);
    }
  }

  /** What goes on already is not begun again. */
  #start(
    tasks: Map<number, AbortController>,
    lane: number,
    work: (signal: AbortSignal) => Promise<void>,
  ): void {
    if (tasks.has(lane)) return;
    const task = new AbortController();
    tasks.set(lane, task);
    const done = work(task.signal)
      .catch((error: unknown) => {
        if (task.signal.aborted) return;
        this.#options.log.error({ err: error, lane }, 'order-task-failed');
      })
      .finally(() => {
        this.#underWay.delete(done);
        if (tasks.get(lane) === task) tasks.delete(lane);
      });
    this.#underWay.add(done);
  }

  async #outcomeOf(order: OpenOrder, signal: AbortSignal): Promise<OrderOutcome> {
    const { decisions, cluster } = this.#options;
    const statement = activationOf(cluster, order);
    const slot: Slot = { kind: 'activation', request: activationSlotRequest(statement) };
    const { result } = (await decisions.of(slot, signal)).commits.statement;
    if (result.kind !== 'activation') throw new Error('a decision of another kind than its slot');
    if (result.content !== activationContent(statement))
      throw new Error('another order has its number');
    const { value } = await decisions.of({ kind: 'outcome', tid: result.tid }, signal);
    if (value.kind !== 'outcome') throw new Error('a decision of another kind than its slot');
    const outcome = orderOutcome(value);
    return outcome.kind === 'committed' ? 'committed' : { aborted: outcome.reason };
  }
}

/** What initiators ask for when they carry the order out; slot and content are the same for all of them. */
function activationOf(cluster: Cluster, order: OpenOrder): ActivationStatement {
  const { digest, ...request } = orderRequest(cluster.id, order);
  return {
    ...request,
    kind: 'activation',
    request: digest,
    expiresMs: cluster.timing.defaultExpiresMs,
    initiator: initiatorId(0),
  };
}
