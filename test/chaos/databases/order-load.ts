import { setTimeout as sleep } from 'node:timers/promises';
import { ProcedureClient } from '../../../src/service/client/procedure-client.js';
import { RequestError, type Ticket } from '../../../src/service/client/request-error.js';
import type { RequestClientOptions } from '../../../src/service/client/request-sender.js';
import type { Random } from '../../simulation/engine/random.js';
import { type Answer, isOverdraft, type Ledger } from '../load/ledger.js';
import { turnsPerSecond } from '../load/load.js';
import { route } from './cast.js';
import { type Order, orderOf, requestOf } from './orders.js';

const orderTimeoutMs = 20_000;
const askTimeoutMs = 10_000;
const turnMs = 1000 / turnsPerSecond;
/** Asked again at a time. */
const asksMax = 8;

/** Clients that order all the time. */
export class OrderLoad {
  readonly orders: Order[] = [];
  /** Those with an outcome, in the order in which the client was told. */
  readonly answered: Order[] = [];
  readonly counts = { committed: 0, aborted: 0, unknown: 0 };
  /** How many orders the initiators gave each reason of an abort for. */
  readonly reasons: Record<string, number> = {};
  readonly #client: ProcedureClient;
  readonly #clients: number;
  readonly #ledger: Ledger;
  readonly #random: Random;
  /** By what those without an answer are asked for again. */
  readonly #tickets = new Map<Order, Ticket>();
  #done: Promise<unknown> = Promise.resolve();
  #isStopped = false;

  constructor({
    clients,
    ledger,
    random,
    ...own
  }: Pick<RequestClientOptions, 'cluster' | 'node'> & {
    /** How many orders are in flight at a time. */
    readonly clients: number;
    readonly ledger: Ledger;
    readonly random: Random;
  }) {
    this.#client = new ProcedureClient({ ...own, lanes: clients + asksMax });
    this.#clients = clients;
    this.#ledger = ledger;
    this.#random = random;
  }

  start(): void {
    this.#done = Promise.all(Array.from({ length: this.#clients }, () => this.#runClient()));
  }

  /** Begins no more orders, and waits until all are answered or given up. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#done;
  }

  /** Asks once more for each order whose outcome is not known. */
  async askAgain(): Promise<void> {
    const open = [...this.#tickets];
    const worker = async () => {
      for (let next = open.pop(); next !== undefined; next = open.pop()) {
        const [order, ticket] = next;
        this.counts.unknown -= 1;
        const ask = () => this.#client.ask(ticket, requestOf(order), { timeoutMs: askTimeoutMs });
        await this.#answer(order, ask);
      }
    };
    await Promise.all(Array.from({ length: asksMax }, worker));
  }

  /** Orders that must commit where all is well, one after the other. Those that did not. */
  async add(count: number): Promise<readonly Order[]> {
    const added: Order[] = [];
    for (let made = 0; made < count; made += 1) {
      const order = await this.#order(true);
      if (order) added.push(order);
    }
    return added.filter(({ line }) => line.answer?.kind !== 'committed');
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #runClient(): Promise<void> {
    while (!this.#isStopped) {
      const turnEndsMs = performance.now() + turnMs * this.#random.between(0.5, 1.5);
      await this.#order(false);
      await sleep(Math.max(0, turnEndsMs - performance.now()));
    }
  }

  async #order(isPlain: boolean): Promise<Order | undefined> {
    const next = this.#ledger.next(route);
    const line = isPlain && next && isOverdraft(next) ? this.#ledger.next(route) : next;
    if (line === undefined) return undefined;
    const order = orderOf(line, this.#random, isPlain);
    this.orders.push(order);
    const run = () => this.#client.run(requestOf(order), { timeoutMs: orderTimeoutMs });
    await this.#answer(order, run);
    return order;
  }

  async #answer(order: Order, ask: () => ReturnType<ProcedureClient['run']>): Promise<void> {
    const answer = await this.#answerOf(order, ask);
    order.line.answer = answer;
    this.counts[answer.kind] += 1;
    if (answer.kind !== 'unknown') this.answered.push(order);
  }

  async #answerOf(order: Order, ask: () => ReturnType<ProcedureClient['run']>): Promise<Answer> {
    try {
      const { outcome, transactionId, reason = 'no reason' } = await ask();
      if (outcome === 'aborted') this.reasons[reason] = (this.reasons[reason] ?? 0) + 1;
      this.#tickets.delete(order);
      return { kind: outcome, tid: transactionId };
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.data.request) this.#tickets.set(order, error.data.request);
      return { kind: 'unknown', why: error.message };
    }
  }
}
