import { type ParticipantId, participantId } from '../../kernel/ids.js';
import { type Json, jsonText, parseJson, payloadBytesMax, resultBytesMax } from '../json.js';
import {
  permitsMax,
  type Run,
  type RunResponse,
  readRunResponse,
  serviceActions,
  serviceName,
  writeRun,
} from '../messages.js';
import type { RequestResult } from './poll-core.js';
import type { Ticket } from './request-error.js';
import {
  type Question,
  type RequestClientOptions,
  type RequestOptions,
  RequestSender,
} from './request-sender.js';

/** One call of a procedure that the client agrees to, if it is made just so. */
export interface Permit {
  readonly participant: string;
  readonly operation: string;
  readonly payload: Json;
}

/** Which procedure to run, and with what. */
export interface ProcedureOrder {
  /** Name of the application at the initiators. */
  readonly application: string;
  readonly procedure: string;
  /** What the procedure receives; null unless given. 16 KiB as JSON at most. */
  readonly payload?: Json;
  /** What participants ask for that do something in the client's name: `OperationCall.isPermitted`. Each is for one call. 16 at most. */
  readonly permits?: readonly Permit[];
}

/** How a procedure ended. */
export interface ProcedureResult extends Omit<RequestResult, 'result'> {
  /** What it made, where it committed and `f + 1` initiators say the same of it. */
  readonly result?: Json;
}

/**
 * Has procedures of applications run at a cluster's initiators, each as one transaction: signs each request once, and
 * believes what `f + 1` initiators say.
 *
 * @example
 * ```ts
 * import { loadCluster, loadNode, ProcedureClient } from 'concordat/client';
 *
 * const node = await loadNode('.concordat/nodes/alice.json');
 * const client = new ProcedureClient({ cluster: await loadCluster(node.clusterFile), node });
 * const { outcome, result } = await client.run(
 *   { application: 'travel', procedure: 'book', payload: { nights: 2 } },
 *   { timeoutMs: 30_000 },
 * );
 * console.log(outcome, result);
 * await client.close();
 * ```
 */
export class ProcedureClient {
  readonly #sender: RequestSender;

  constructor(options: RequestClientOptions) {
    this.#sender = new RequestSender(options);
  }

  /**
   * Runs a procedure and waits for the outcome of its transaction. Throws `RangeError` where the order is none, and
   * `RequestError` where no outcome can be known; `data.request` of the error is what to `ask` by.
   */
  async run(order: ProcedureOrder, options: RequestOptions): Promise<ProcedureResult> {
    return resultOf(await this.#sender.send(questionOf(order), options));
  }

  /**
   * Asks for the outcome of a request that was sent before, perhaps by another process: the same order with the same
   * ticket. It is run once, however often it is asked for. Throws as `run` does.
   */
  async ask(
    request: Ticket,
    order: ProcedureOrder,
    { timeoutMs }: Pick<RequestOptions, 'timeoutMs'>,
  ): Promise<ProcedureResult> {
    return resultOf(await this.#sender.ask(request, questionOf(order), timeoutMs));
  }

  /** Closes the connections; what is under way fails. */
  async close(): Promise<void> {
    await this.#sender.close();
  }
}

function questionOf(order: ProcedureOrder): Question {
  return {
    port: { path: '/run', action: serviceActions.run },
    body: writeRun(runOf(order)),
    readResult: (body): RunResponse => readRunResponse(body),
  };
}

function runOf({ application, procedure, payload = null, permits = [] }: ProcedureOrder): Run {
  if (permits.length > permitsMax) throw new RangeError(`more than ${permitsMax} permits`);
  return {
    application: serviceName(application),
    procedure: serviceName(procedure),
    payload: jsonText(payload, payloadBytesMax),
    permits: permits.map(({ participant, operation, payload: permitted }) => ({
      participant: participantId(participant) as ParticipantId,
      operation: serviceName(operation),
      payload: jsonText(permitted, payloadBytesMax),
    })),
  };
}

function resultOf({ result, ...ended }: RequestResult): ProcedureResult {
  return result === undefined ? ended : { ...ended, result: parseJson(result, resultBytesMax) };
}
