import { randomInt } from 'node:crypto';
import { endpoint } from '../../edge/soap/addressing.js';
import {
  type AccountId,
  type Balance,
  bankActions,
  readGetBalanceResponse,
  type Transfer,
  writeGetBalance,
  writeTransfer,
} from '../../edge/soap/banking.js';
import type { SoapClient } from '../../edge/soap/client.js';
import { requestHeader } from '../../edge/soap/extension.js';
import { SoapTransportError } from '../../edge/soap/transport.js';
import type { Cluster, InitiatorMember } from '../../vocabulary/cluster.js';
import type { ParticipantId } from '../../vocabulary/ids.js';
import { oneCorrect } from '../../vocabulary/quorum.js';
import { type Credentials, soapIdentity } from '../soap-identity.js';
import { LanePool, LanesBusyError } from './lane-pool.js';
import type { TransferResult } from './matching.js';
import { Poll } from './poll.js';
import type { Ticket } from './ticket.js';
import { TransferError } from './transfer-error.js';
import { Turns } from './turns.js';

export interface TransferClientOptions {
  readonly cluster: Cluster;
  /** The client's own name, certificate and key. */
  readonly node: Credentials & { readonly name: string };
  /** Transfers that may be in flight at a time; 1 unless given. */
  readonly lanes?: number;
  /**
   * Number of the first lane. Random unless given, so that two programs with one certificate are
   * unlikely to share a lane, where each would make the other's timestamps stale.
   */
  readonly firstLane?: number;
  /** Transfers that may wait for a lane; 100 unless given. */
  readonly waiting?: number;
  /** Sees every envelope as it is sent. */
  readonly onSent?: (text: string) => void;
}

export interface TransferOptions {
  /** For all of it, waiting for a lane included. */
  readonly timeoutMs: number;
  /** Called with what to `ask` by, and waited for before anything is sent: to keep it. */
  readonly beforeSending?: (request: Ticket) => Promise<void>;
}

/**
 * A client of a cluster: signs each transfer once, and believes what `f + 1` initiators say. So many
 * are asked at first, and all as soon as one of those fails or is slow.
 */
export class TransferClient {
  readonly #cluster: Cluster;
  readonly #soap: SoapClient;
  readonly #lanes: LanePool;
  readonly #turns: Turns<InitiatorMember>;

  constructor(options: TransferClientOptions) {
    const { cluster, node, lanes = 1, waiting = 100, onSent } = options;
    const { firstLane = randomInt(10_000 - lanes + 1) } = options;
    this.#cluster = cluster;
    this.#soap = soapIdentity(cluster, node, onSent).client;
    this.#lanes = new LanePool({ name: node.name, firstLane, lanes, waiting, clock: Date.now });
    this.#turns = new Turns(cluster.initiators);
  }

  /**
   * Makes a transfer and waits for its outcome. Throws `TransferError` where none can be known; `request`
   * of the error is what to `ask` by.
   */
  async transfer(order: Transfer, options: TransferOptions): Promise<TransferResult> {
    const { timeoutMs, beforeSending } = options;
    const deadlineMs = Date.now() + timeoutMs;
    try {
      return await this.#lanes.run(timeoutMs, async (ticket) => {
        await beforeSending?.(ticket);
        return this.#ask(ticket, order, deadlineMs);
      });
    } catch (error) {
      throw error instanceof LanesBusyError ? new TransferError('busy', error.message) : error;
    }
  }

  /**
   * Asks for the outcome of a request that was sent before, perhaps by another process: the same transfer in
   * the same lane with the same timestamp. It is made once, however often it is asked for; it is made now
   * where it never reached the coordinators, and not where they are past it. Throws as `transfer` does.
   */
  async ask(
    request: Ticket,
    order: Transfer,
    { timeoutMs }: TransferOptions,
  ): Promise<TransferResult> {
    this.#lanes.retire(request.client);
    const result = await this.#ask(request, order, Date.now() + timeoutMs);
    this.#lanes.restore(request.client);
    return result;
  }

  /**
   * Asks a bank for an account's balance. Throws `RangeError` where the cluster has no such bank,
   * `ReceivedFault` where the bank refuses, else `SoapTransportError`.
   */
  async getBalance(bank: ParticipantId, account: AccountId, timeoutMs = 5000): Promise<Balance> {
    const member = this.#cluster.participants.find(({ id }) => id === bank);
    if (member === undefined) throw new RangeError(`the cluster has no participant ${bank}`);
    const reply = await this.#soap.request(endpoint(`${member.url}/account`), {
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
    await this.#soap.close();
  }

  #ask(ticket: Ticket, order: Transfer, deadlineMs: number): Promise<TransferResult> {
    const { resilience, timing } = this.#cluster;
    const question = {
      client: this.#soap,
      timing,
      port: { path: '/transfer', action: bankActions.transfer },
      headers: [requestHeader(ticket)],
      body: writeTransfer(order),
      deadlineMs,
    };
    return new Poll({
      needed: oneCorrect(resilience),
      turns: this.#turns,
      question,
      request: ticket,
    }).run();
  }
}
