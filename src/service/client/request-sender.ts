import { randomInt } from 'node:crypto';
import type { Cluster, InitiatorMember } from '../../kernel/cluster.js';
import { oneCorrect } from '../../kernel/ids.js';
import { Turns } from '../../kernel/patience.js';
import type { SoapClient } from '../../soap/client.js';
import { type Credentials, soapIdentity } from '../../soap/identity.js';
import { requestHeader } from '../../transaction/soap/extension.js';
import { LanePool, LanesBusyError } from './lane-pool.js';
import { type InitiatorQuestion, Poll } from './poll.js';
import type { RequestResult } from './poll-core.js';
import { RequestError, type Ticket } from './request-error.js';

/** Which cluster a client asks, as whom, and how much at a time. */
export interface RequestClientOptions {
  /** The cluster, as `loadCluster` reads it. */
  readonly cluster: Cluster;
  /** The client's own name, certificate and key. */
  readonly node: Credentials & { readonly name: string };
  /** Requests that may be in flight at a time; 1 unless given. */
  readonly lanes?: number;
  /**
   * Number of the first lane. Random unless given, so that two programs with one certificate are
   * unlikely to share a lane, where each would make the other's timestamps stale.
   */
  readonly firstLane?: number;
  /** Requests that may wait for a lane; 100 unless given. */
  readonly waiting?: number;
  /** Sees every envelope as it is sent. */
  readonly onSent?: (text: string) => void;
}

/** How long a client waits for an outcome, and what it keeps before it sends. */
export interface RequestOptions {
  /** For all of it, waiting for a lane included. */
  readonly timeoutMs: number;
  /** Called with what to `ask` by, and waited for before anything is sent: to keep it. */
  readonly beforeSending?: (request: Ticket) => Promise<void>;
}

/** What is asked of the initiators' port, whatever the ticket. */
export type Question = Pick<InitiatorQuestion, 'port' | 'body' | 'readResult'>;

/**
 * Sends a client's requests to the initiators: each signed once, in a lane of its own until its outcome is known, and
 * believed if `f + 1` initiators say the same. So many are asked at first, and all as soon as one of those fails or
 * is slow.
 */
export class RequestSender {
  readonly soap: SoapClient;
  readonly #cluster: Cluster;
  readonly #lanes: LanePool;
  readonly #turns: Turns<InitiatorMember>;

  constructor(options: RequestClientOptions) {
    const { cluster, node, lanes = 1, waiting = 100, onSent } = options;
    const { firstLane = randomInt(10_000 - lanes + 1) } = options;
    this.#cluster = cluster;
    this.soap = soapIdentity(cluster, node, onSent).client;
    this.#lanes = new LanePool({ name: node.name, firstLane, lanes, waiting, clock: Date.now });
    this.#turns = new Turns(cluster.initiators);
  }

  /** Throws `RequestError` where no outcome can be known; `data.request` of the error is what to `ask` by. */
  async send(
    question: Question,
    { timeoutMs, beforeSending }: RequestOptions,
  ): Promise<RequestResult> {
    const deadlineMs = Date.now() + timeoutMs;
    try {
      return await this.#lanes.run(timeoutMs, async (ticket) => {
        await beforeSending?.(ticket);
        return this.#poll(ticket, question, deadlineMs);
      });
    } catch (error) {
      throw error instanceof LanesBusyError ? new RequestError('busy', error.message) : error;
    }
  }

  /** Asks for the outcome of a request that was sent before: the same question with the same ticket. */
  async ask(ticket: Ticket, question: Question, timeoutMs: number): Promise<RequestResult> {
    this.#lanes.retire(ticket.client);
    const result = await this.#poll(ticket, question, Date.now() + timeoutMs);
    this.#lanes.restore(ticket.client);
    return result;
  }

  /** Closes the connections; what is under way fails. */
  async close(): Promise<void> {
    await this.soap.close();
  }

  #poll(ticket: Ticket, question: Question, deadlineMs: number): Promise<RequestResult> {
    const { resilience, timing } = this.#cluster;
    const headers = [requestHeader(ticket)];
    return new Poll({
      needed: oneCorrect(resilience),
      turns: this.#turns,
      question: { ...question, client: this.soap, timing, headers, deadlineMs },
      request: ticket,
    }).run();
  }
}
