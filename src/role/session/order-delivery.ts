import type { Logger } from '../../edge/http/logger.js';
import type { SoapClient } from '../../edge/soap/client.js';
import { orderActions, writeOrder } from '../../edge/soap/session-order.js';
import type { Cluster, InitiatorMember } from '../../vocabulary/cluster.js';
import { oneCorrect } from '../../vocabulary/quorum.js';
import type { CertifiedOrder } from '../../vocabulary/session.js';
import { encodeCertifiedOrder } from '../../wire/session/index.js';
import { Poll } from '../client/poll.js';
import { TransferError } from '../client/transfer-error.js';
import { Turns } from '../client/turns.js';

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
export class OrderDelivery {
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
      deadlineMs: Date.now() + patience * timing.defaultExpiresMs,
    };
    const poll = new Poll({ needed: oneCorrect(resilience), turns: this.#turns, question, signal });
    try {
      const { transactionId: tid, outcome, reason } = await poll.run();
      log.info({ lane, number, tid, outcome, reason }, 'order-answered');
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      if (!signal.aborted) log.info({ lane, number, err: error.message }, 'order-not-answered');
    }
  }
}
