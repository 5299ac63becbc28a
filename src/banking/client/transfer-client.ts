import type { Cluster } from '../../kernel/cluster.js';
import type { ParticipantId } from '../../kernel/ids.js';
import type { RequestResult } from '../../service/client/poll-core.js';
import type { Ticket } from '../../service/client/request-error.js';
import {
  type Question,
  type RequestClientOptions,
  type RequestOptions,
  RequestSender,
} from '../../service/client/request-sender.js';
import { endpoint } from '../../soap/addressing.js';
import { SoapTransportError } from '../../soap/transport.js';
import {
  type AccountId,
  type Balance,
  bankActions,
  readGetBalanceResponse,
  readTransferResponse,
  type Transfer,
  writeGetBalance,
  writeTransfer,
} from '../soap.js';

/**
 * A client of a cluster: signs each transfer once, and believes what `f + 1` initiators say. So many
 * are asked at first, and all as soon as one of those fails or is slow.
 *
 * @example
 * ```ts
 * import {
 *   accountId,
 *   currency,
 *   loadCluster,
 *   loadNode,
 *   participantId,
 *   TransferClient,
 * } from 'concordat/client';
 *
 * const node = await loadNode('.concordat/nodes/alice.json');
 * const client = new TransferClient({ cluster: await loadCluster(node.clusterFile), node });
 * const { outcome, transactionId } = await client.transfer(
 *   {
 *     debtor: { bank: participantId('bank-a'), account: accountId('alice') },
 *     creditors: [{ bank: participantId('bank-b'), account: accountId('bob'), amountMinor: 1250 }],
 *     currency: currency('EUR'),
 *   },
 *   { timeoutMs: 30_000 },
 * );
 * console.log(outcome, transactionId);
 * await client.close();
 * ```
 */
export class TransferClient {
  readonly #cluster: Cluster;
  readonly #sender: RequestSender;

  constructor(options: RequestClientOptions) {
    this.#cluster = options.cluster;
    this.#sender = new RequestSender(options);
  }

  /**
   * Makes a transfer and waits for its outcome. Throws `RequestError` where none can be known; `request`
   * of the error is what to `ask` by.
   */
  async transfer(order: Transfer, options: RequestOptions): Promise<RequestResult> {
    return this.#sender.send(questionOf(order), options);
  }

  /**
   * Asks for the outcome of a request that was sent before, perhaps by another process: the same transfer in
   * the same lane with the same timestamp. It is made once, however often it is asked for; it is made now
   * where it never reached the coordinators, and not where they are past it. Throws as `transfer` does.
   */
  async ask(
    request: Ticket,
    order: Transfer,
    { timeoutMs }: RequestOptions,
  ): Promise<RequestResult> {
    return this.#sender.ask(request, questionOf(order), timeoutMs);
  }

  /**
   * Asks a bank for an account's balance. Throws `RangeError` where the cluster has no such bank,
   * `ReceivedFault` where the bank refuses, else `SoapTransportError`.
   */
  async getBalance(bank: ParticipantId, account: AccountId, timeoutMs = 5000): Promise<Balance> {
    const member = this.#cluster.participants.find(({ id }) => id === bank);
    if (member === undefined) throw new RangeError(`the cluster has no participant ${bank}`);
    const reply = await this.#sender.soap.request(endpoint(`${member.url}/account`), {
      action: bankActions.getBalance,
      body: writeGetBalance(account),
      timeoutMs,
    });
    const { principal } = reply;
    if (principal.role !== 'participant' || principal.id !== bank) {
      throw new SoapTransportError('bad-reply', member.url, `signed by ${principal.name}`);
    }
    return readGetBalanceResponse(reply.body);
  }

  /** Closes the connections; what is under way fails. */
  async close(): Promise<void> {
    await this.#sender.close();
  }
}

function questionOf(order: Transfer): Question {
  return {
    port: { path: '/transfer', action: bankActions.transfer },
    body: writeTransfer(order),
    readResult: readTransferResponse,
  };
}
