import { randomInt } from 'node:crypto';
import type { Cluster } from '../../kernel/cluster.js';
import { clientId, oneCorrect, participantId, type TransactionId } from '../../kernel/ids.js';
import type { SoapClient } from '../../soap/client.js';
import { soapIdentity } from '../../soap/identity.js';
import type { CallAnswer } from '../../transaction/initiator/messages.js';
import {
  dialogueActions,
  readBeginResponse,
  readInvokeResponse,
  writeBegin,
  writeComplete,
  writeInvoke,
} from '../dialogue-messages.js';
import { type Json, jsonText, parseJson, payloadBytesMax, resultBytesMax } from '../json.js';
import { readRunResponse, type ServiceCall, serviceName } from '../messages.js';
import { DialogueChannel, type DialogueStep, type StepAnswer } from './dialogue-channel.js';
import { tooOldCodes } from './poll.js';
import type { ProcedureResult } from './procedure-client.js';
import { RequestError, type Ticket } from './request-error.js';
import type { RequestClientOptions } from './request-sender.js';

/** A participant's answer to a call of a dialogue. */
export type DialogueAnswer =
  | { readonly kind: 'done'; readonly result: Json }
  /** The transaction can only be rolled back. `reason` is a code. */
  | { readonly kind: 'refused'; readonly reason: string };

/** What is kept of a dialogue, so that another process can go on with it. */
export interface DialogueState {
  /** The request that began it. */
  readonly request: Ticket;
  /** Known once it has begun. */
  readonly transactionId?: TransactionId;
  /** The calls so far, in their order. */
  readonly calls: readonly ServiceCall[];
}

/** How long to wait for `f + 1` initiators that say the same. */
export interface DialogueOptions {
  readonly timeoutMs: number;
}

const laneCount = 10_000;

/**
 * Drives transactions from outside, step by step: begins one, calls participants one after the other, commits or rolls
 * back. Each message is signed, each answer believed if `f + 1` initiators give it. A participant acts where `f + 1`
 * initiators hand a call on, and sees the client's signature under it.
 *
 * @example
 * ```ts
 * import { DialogueClient, loadCluster, loadNode } from 'concordat/client';
 *
 * const node = await loadNode('.concordat/nodes/alice.json');
 * const client = new DialogueClient({ cluster: await loadCluster(node.clusterFile), node });
 * const dialogue = await client.begin({ timeoutMs: 10_000 });
 * const room = await dialogue.call('hotel', 'reserve', { nights: 2 }, { timeoutMs: 10_000 });
 * const { outcome } =
 *   room.kind === 'done'
 *     ? await dialogue.commit({ timeoutMs: 30_000 })
 *     : await dialogue.rollback({ timeoutMs: 30_000 });
 * console.log(outcome);
 * await client.close();
 * ```
 */
export class DialogueClient {
  readonly #cluster: Cluster;
  readonly #name: string;
  readonly #soap: SoapClient;
  #lane: number;
  #lastTimestamp = 0;

  constructor(options: Pick<RequestClientOptions, 'cluster' | 'node' | 'firstLane' | 'onSent'>) {
    const { cluster, node, firstLane = randomInt(laneCount), onSent } = options;
    this.#cluster = cluster;
    this.#name = node.name;
    this.#lane = firstLane;
    this.#soap = soapIdentity(cluster, node, onSent).client;
  }

  /** The state of a dialogue that has not begun: to keep before it is begun with `resume`. */
  next(): DialogueState {
    // A lane of its own for each: one that is not over keeps none of the others waiting.
    const client = clientId(`${this.#name}/${this.#lane}`);
    this.#lane = (this.#lane + 1) % laneCount;
    this.#lastTimestamp = Math.max(Date.now() * 1000, this.#lastTimestamp + 1);
    return { request: { client, timestamp: this.#lastTimestamp }, calls: [] };
  }

  /** Begins a transaction. Throws `RequestError` where too few initiators say that it has begun. */
  begin(options: DialogueOptions): Promise<ClientDialogue> {
    return this.resume(this.next(), options);
  }

  /**
   * Goes on with a dialogue, perhaps of another process; begins it where it has not begun. Calls that were made are not
   * made again. Throws `RequestError` where too few initiators say that it has begun, or where its time was over.
   */
  async resume(state: DialogueState, { timeoutMs }: DialogueOptions): Promise<ClientDialogue> {
    const { timing, initiators, resilience } = this.#cluster;
    const common = { client: this.#soap, timing, ticket: state.request };
    const channels = initiators.map((initiator) => new DialogueChannel({ ...common, initiator }));
    const group = new ChannelGroup(channels, oneCorrect(resilience), state.request);
    const begin = { action: dialogueActions.begin, body: writeBegin(), textOf: readBeginResponse };
    const id = (await group.send(begin, timeoutMs)) as TransactionId;
    if (state.transactionId !== undefined && state.transactionId !== id) {
      throw new RequestError('too-old', `it is transaction ${id}, not ${state.transactionId}`);
    }
    const dialogue = new ClientDialogue(group, id, state.request);
    for (const call of state.calls) await dialogue.repeat(call, { timeoutMs });
    return dialogue;
  }

  /** Closes the connections; what is under way fails. */
  async close(): Promise<void> {
    await this.#soap.close();
  }
}

/**
 * A transaction that its client drives. One step at a time.
 *
 * @example
 * ```ts
 * import type { ClientDialogue } from 'concordat/client';
 *
 * // Reserves a room if there is one, and gives the transaction up if not.
 * export async function reserve(dialogue: ClientDialogue) {
 *   const room = await dialogue.call('hotel', 'reserve', { nights: 2 }, { timeoutMs: 10_000 });
 *   const options = { timeoutMs: 30_000 };
 *   return room.kind === 'done' ? dialogue.commit(options) : dialogue.rollback(options);
 * }
 * ```
 */
export class ClientDialogue {
  readonly transactionId: TransactionId;
  readonly #group: ChannelGroup;
  readonly #request: Ticket;
  readonly #calls: ServiceCall[] = [];

  /** `DialogueClient` makes it. */
  constructor(group: ChannelGroup, transactionId: TransactionId, request: Ticket) {
    this.#group = group;
    this.transactionId = transactionId;
    this.#request = request;
  }

  /** What to keep of it, so that another process can go on. */
  get state(): DialogueState {
    const { transactionId } = this;
    return { request: this.#request, transactionId, calls: [...this.#calls] };
  }

  /**
   * Calls an operation of a participant. Throws `RangeError` where a name is none or the payload too long, and
   * `RequestError` where too few initiators give one answer.
   */
  call(
    participant: string,
    operation: string,
    payload: Json,
    options: DialogueOptions,
  ): Promise<DialogueAnswer> {
    const call = {
      participant: participantId(participant),
      operation: serviceName(operation),
      payload: jsonText(payload, payloadBytesMax),
    };
    return this.repeat(call, options);
  }

  /** Makes the next call, whose payload is JSON text. */
  async repeat(call: ServiceCall, { timeoutMs }: DialogueOptions): Promise<DialogueAnswer> {
    const number = this.#calls.length;
    this.#calls.push(call);
    const { transactionId } = this;
    const step: DialogueStep = {
      action: dialogueActions.invoke,
      body: writeInvoke({ ...call, transactionId, number }),
      textOf: (body) => JSON.stringify(readInvokeResponse(body)),
    };
    const answer = JSON.parse(await this.#group.send(step, timeoutMs)) as CallAnswer;
    if (answer.kind === 'refused') return answer;
    return { kind: 'done', result: parseJson(answer.result ?? 'null', resultBytesMax) };
  }

  /** Asks for the commit, and waits for the outcome. Throws `RequestError` where that cannot be known in time. */
  commit(options: DialogueOptions): Promise<ProcedureResult> {
    return this.#complete('commit', options);
  }

  /** Asks for the rollback, and waits for the outcome. Throws as `commit` does. */
  rollback(options: DialogueOptions): Promise<ProcedureResult> {
    return this.#complete('rollback', options);
  }

  async #complete(
    decision: 'commit' | 'rollback',
    { timeoutMs }: DialogueOptions,
  ): Promise<ProcedureResult> {
    const step: DialogueStep = {
      action: dialogueActions.complete,
      body: writeComplete({ transactionId: this.transactionId, decision }),
      textOf: (body) => {
        const { transactionId, outcome } = readRunResponse(body);
        return JSON.stringify({ transactionId, outcome });
      },
      reasonOf: (body) => readRunResponse(body).reason,
    };
    const { text, reason } = await this.#group.ask(step, timeoutMs);
    const ended = JSON.parse(text) as ProcedureResult;
    return reason === undefined ? ended : { ...ended, reason };
  }
}

type Said = Omit<Extract<StepAnswer, { kind: 'said' }>, 'kind'>;

/** The channels to all initiators. */
class ChannelGroup {
  readonly #channels: readonly DialogueChannel[];
  readonly #needed: number;
  readonly #request: Ticket;

  constructor(channels: readonly DialogueChannel[], needed: number, request: Ticket) {
    this.#channels = channels;
    this.#needed = needed;
    this.#request = request;
  }

  /** What `f + 1` initiators say alike. */
  async send(step: DialogueStep, timeoutMs: number): Promise<string> {
    return (await this.ask(step, timeoutMs)).text;
  }

  /** The same, with the reason where those that say it give one reason. */
  ask(step: DialogueStep, timeoutMs: number): Promise<Said> {
    const deadlineMs = Date.now() + timeoutMs;
    const answers: StepAnswer[] = [];
    return new Promise((resolve, reject) => {
      for (const channel of this.#channels) {
        void channel.send(step, deadlineMs).then((answer) => {
          answers.push(answer);
          const said = this.#alike(answers);
          if (said !== undefined) resolve(said);
          else if (answers.length === this.#channels.length) reject(this.#failure(answers));
        });
      }
    });
  }

  #alike(answers: readonly StepAnswer[]): Said | undefined {
    const said = answers.filter((answer) => answer.kind === 'said');
    const alike = (one: Said) => said.filter(({ text }) => text === one.text);
    const found = said.find((one) => alike(one).length >= this.#needed);
    if (found === undefined) return undefined;
    const { text, reason } = found;
    const isSure = alike(found).every((other) => other.reason === reason);
    return isSure && reason !== undefined ? { text, reason } : { text };
  }

  #failure(answers: readonly StepAnswer[]): RequestError {
    const details = answers.map((answer) => {
      if (answer.kind === 'said') return answer.text;
      return answer.kind === 'refused' ? answer.fault : answer.problem;
    });
    const refusals = answers.filter((answer) => answer.kind === 'refused');
    const tooOld = refusals.filter(({ code }) => tooOldCodes.has(code)).length;
    const silent = answers.filter(({ kind }) => kind === 'silent').length;
    const request = this.#request;
    if (tooOld >= this.#needed) {
      return new RequestError('too-old', 'the initiators have forgotten it', { details, request });
    }
    if (refusals.length >= this.#needed) {
      return new RequestError('refused', 'the initiators refused', { details, request });
    }
    return silent > 0
      ? new RequestError('timeout', 'too few initiators answered in time', { details, request })
      : new RequestError('disagreement', 'the initiators disagree', { details, request });
  }
}
