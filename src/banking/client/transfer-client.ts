import { randomInt } from 'node:crypto';
import type { Cluster, InitiatorMember, Timing } from '../../kernel/cluster.js';
import { oneCorrect, type ParticipantId } from '../../kernel/ids.js';
import { Turns } from '../../kernel/patience.js';
import { endpoint } from '../../soap/addressing.js';
import { ReceivedFault, type SoapClient } from '../../soap/client.js';
import { type Credentials, soapIdentity } from '../../soap/identity.js';
import { SoapTransportError } from '../../soap/transport.js';
import type { Principal } from '../../soap/trust.js';
import type { XmlElement } from '../../soap/xml.js';
import { requestHeader } from '../../transaction/soap/extension.js';
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
import { LanePool, LanesBusyError } from './lane-pool.js';
import {
  type FinalAnswer,
  PollCore,
  type PollEnding,
  type PollOutput,
  type TransferResult,
} from './poll-core.js';
import { type Ticket, TransferError } from './transfer-error.js';

export interface InitiatorQuestion {
  readonly client: SoapClient;
  readonly timing: Timing;
  /** The initiators' port that is asked, one that answers as to a transfer. */
  readonly port: { readonly path: string; readonly action: string };
  readonly headers: readonly XmlElement[];
  readonly body: XmlElement;
  /** Milliseconds since 1970. */
  readonly deadlineMs: number;
}

/** Characters that are kept of what an initiator says for people. */
const wordLengthMax = 300;

/** Faults that say nothing of what became of the request: a later one was taken, or this is forgotten. */
const tooOldCodes: ReadonlySet<string> = new Set(['StaleRequest', 'TooOld']);

/** An attempt is given up, and the next one made, after so many times the time for a vote. */
const patience = 2;

/** Asks one initiator once. Throws where another attempt is worth it. */
async function askInitiator(
  initiator: InitiatorMember,
  question: InitiatorQuestion,
): Promise<FinalAnswer> {
  const { client, timing, port, headers, body, deadlineMs } = question;
  const timeoutMs = Math.min(deadlineMs - Date.now(), patience * timing.voteTimeoutMs);
  try {
    const reply = await client.request(endpoint(`${initiator.url}${port.path}`), {
      action: port.action,
      headers,
      body,
      timeoutMs: Math.max(1, timeoutMs),
    });
    requireFrom(initiator, reply.principal);
    return { kind: 'outcome', result: readTransferResponse(reply.body) };
  } catch (error) {
    // A receiver's fault is for now; a sender's fault stays one however often the message is sent.
    if (!(error instanceof ReceivedFault) || error.data.soapCode === 'Receiver') throw error;
    requireFrom(initiator, error.data.principal);
    const fault = `${error.code}: ${error.data.reason}`.slice(0, wordLengthMax);
    return { kind: 'refusal', fault, isTooOld: tooOldCodes.has(error.code) };
  }
}

function requireFrom(initiator: InitiatorMember, principal: Principal): void {
  if (principal.role !== 'initiator' || principal.id !== initiator.id) {
    throw new SoapTransportError('bad-reply', initiator.url, `signed by ${principal.name}`);
  }
}

export interface PollOptions {
  /** `f + 1`: so many are asked at first, and so many must say the same. */
  readonly needed: number;
  readonly turns: Turns<InitiatorMember>;
  readonly question: InitiatorQuestion;
  /** By what the client asks again, where it can. */
  readonly request?: Ticket;
  /** Aborted where the answer is no longer of interest: no more is asked then. */
  readonly signal?: AbortSignal;
}

type Output = PollOutput<InitiatorMember>;

/** Runs a `PollCore` with SOAP calls and the machine's clock. */
export class Poll {
  readonly #options: PollOptions;
  readonly #core: PollCore<InitiatorMember>;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: PollOptions) {
    this.#options = options;
    const { needed, turns, question } = options;
    this.#core = new PollCore({
      needed,
      turns,
      resendAfterMs: question.timing.resendAfterMs,
      timeoutMs: Math.max(0, question.deadlineMs - Date.now()),
    });
  }

  /** Throws `TransferError` where no `f + 1` initiators say the same in time. */
  async run(): Promise<TransferResult> {
    const ending = await this.#ending();
    if (ending.kind === 'result') return ending.result;
    const { code, message, ...more } = ending;
    throw new TransferError(code, message, { ...more, request: this.#options.request });
  }

  async #ending(): Promise<PollEnding> {
    const { signal } = this.#options;
    let leave = () => {};
    const ending = new Promise<PollEnding>((resolve) => {
      const perform = (outputs: readonly Output[]) => {
        for (const output of outputs) this.#perform(output, perform, resolve);
      };
      const giveUp = () => perform(this.#core.giveUp());
      leave = () => signal?.removeEventListener('abort', giveUp);
      signal?.addEventListener('abort', giveUp);
      perform(signal?.aborted ? this.#core.giveUp() : this.#core.begin());
    });
    return ending.finally(() => {
      leave();
      for (const timer of this.#timers) clearTimeout(timer);
    });
  }

  #perform(
    output: Output,
    perform: (outputs: readonly Output[]) => void,
    resolve: (ending: PollEnding) => void,
  ): void {
    switch (output.kind) {
      case 'ask': {
        const { initiator } = output;
        askInitiator(initiator, this.#options.question).then(
          (word) => perform(this.#core.answered(initiator, word)),
          (error: unknown) => perform(this.#core.failed(initiator, problemOf(error))),
        );
        return;
      }
      case 'start-timer': {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          perform(this.#core.expired(output.name));
        }, output.delayMs);
        this.#timers.add(timer);
        return;
      }
      case 'end':
        return resolve(output.ending);
    }
  }
}

/** Whatever an initiator sends, it is that initiator's failure and does not end the request. */
function problemOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, wordLengthMax);
}

/** Which cluster a client asks, as whom, and how much at a time. */
export interface TransferClientOptions {
  /** The cluster, as `loadCluster` reads it. */
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

/** How long a client waits for an outcome, and what it keeps before it sends. */
export interface TransferOptions {
  /** For all of it, waiting for a lane included. */
  readonly timeoutMs: number;
  /** Called with what to `ask` by, and waited for before anything is sent: to keep it. */
  readonly beforeSending?: (request: Ticket) => Promise<void>;
}

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
