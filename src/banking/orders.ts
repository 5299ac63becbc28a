import type { Slot } from '../agreement/messages.js';
import type { ActivationStatement } from '../agreement/statements.js';
import { activationContent, activationSlotRequest } from '../agreement/values.js';
import type { Cluster, InitiatorMember } from '../kernel/cluster.js';
import type { Logger } from '../kernel/http/logger.js';
import { initiatorId, oneCorrect } from '../kernel/ids.js';
import { Turns } from '../kernel/patience.js';
import { Poll } from '../service/client/poll.js';
import { RequestError } from '../service/client/request-error.js';
import { orderOutcome } from '../session/core/orders.js';
import type { OrderEnd, OrderRunner, WatchedOrder } from '../session/node/order-runner.js';
import { encodeCertifiedOrder } from '../session/proof.js';
import { orderRequest } from '../session/request.js';
import type { CertifiedOrder } from '../session/types.js';
import type { SoapClient } from '../soap/client.js';
import type { Decisions } from '../transaction/coordinator/node/decisions.js';
import { orderActions, writeOrder } from './session-order.js';
import { readTransferResponse } from './soap.js';

export interface OrderDeliveryOptions {
  readonly cluster: Cluster;
  /** Signs as this coordinator. */
  readonly client: SoapClient;
  readonly log: Logger;
}

/** One delivery takes so many lifetimes of a transaction at most. */
const patience = 2;

/**
 * Brings orders to the initiators: to `f + 1` of them, and to all as soon as one of those fails or is
 * slow. What they say is written to the log and not believed.
 */
class OrderDelivery {
  readonly #options: OrderDeliveryOptions;
  readonly #turns: Turns<InitiatorMember>;

  constructor(options: OrderDeliveryOptions) {
    this.#options = options;
    this.#turns = new Turns(options.cluster.initiators);
  }

  /** Ends when enough initiators have answered alike, the time is over, or the signal is aborted. */
  async deliver(order: CertifiedOrder, signal: AbortSignal): Promise<void> {
    const { cluster, client, log } = this.#options;
    const { timing, resilience } = cluster;
    const { lane, number } = order.certificate.statement;
    const question = {
      client,
      timing,
      port: { path: '/order', action: orderActions.order },
      headers: [],
      body: writeOrder(encodeCertifiedOrder(order)),
      readResult: readTransferResponse,
      deadlineMs: Date.now() + patience * timing.defaultExpiresMs,
    };
    const poll = new Poll({ needed: oneCorrect(resilience), turns: this.#turns, question, signal });
    try {
      const { transactionId: tid, outcome, reason } = await poll.run();
      log.info({ lane, number, tid, outcome, reason }, 'order-answered');
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (!signal.aborted) log.info({ lane, number, err: error.message }, 'order-not-answered');
    }
  }
}

export interface OrdersOptions extends OrderDeliveryOptions {
  /** Of this replica's own coordinator. */
  readonly decisions: Pick<Decisions, 'of'>;
}

interface LastOrder {
  readonly number: number;
  /** Reports its outcome again, once this replica's coordinator has decided it. */
  tell: (() => void) | undefined;
}

/**
 * Orders of sessions as WS-AT transactions. Any replica may bring an order to the initiators, and several
 * do no harm: its lane and number name its activation slot, so it is one transaction. What it came to a
 * replica takes from its own coordinator alone.
 *
 * An order that never becomes a transaction stays open, and the session replica asks again to run it. One order
 * of a lane is open at a time, so there is one delivery and one watch for each lane at the most.
 */
export class BankingOrders implements OrderRunner {
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
    // A repeated call means that the outcome was lost: notify again.
    if (last.tell !== undefined) return last.tell();
    this.#start(this.#deliveries, lane, (signal) => this.#delivery.deliver(order, signal));
  }

  watch(order: WatchedOrder, onEnded: (outcome: OrderEnd) => void): void {
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

  async #outcomeOf(order: WatchedOrder, signal: AbortSignal): Promise<OrderEnd> {
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
function activationOf(cluster: Cluster, order: WatchedOrder): ActivationStatement {
  const { digest, ...request } = orderRequest(cluster.id, order);
  return {
    ...request,
    kind: 'activation',
    request: digest,
    expiresMs: cluster.timing.defaultExpiresMs,
    initiator: initiatorId(0),
  };
}
