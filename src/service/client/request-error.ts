import { ConcordatError } from '../../kernel/error.js';
import type { ClientId } from '../../kernel/ids.js';

/** The right to send one request: which client id it bears, and its timestamp. */
export interface Ticket {
  /** The client's name, with the lane after a slash. */
  readonly client: ClientId;
  /** Rises from request to request of a client id. */
  readonly timestamp: number;
}

/**
 * - `busy`: too many transfers are under way here already; nothing was sent.
 * - `refused`: the initiators refused the request, and nothing was or will be done.
 * - `too-old`: a correct initiator says that the request is too old for it, and no `f + 1` know its outcome:
 *   that cannot be known any more, and the request will not be made now.
 * - `disagreement`: the initiators' answers differ, so that no `f + 1` of them say the same.
 * - `timeout`: not enough initiators answered in time.
 *
 * After the last three the transfer may or may not have been made.
 */
export type RequestErrorCode = 'busy' | 'refused' | 'too-old' | 'disagreement' | 'timeout';

/**
 * A transfer without a known outcome.
 *
 * @example
 * ```ts
 * import {
 *   type Transfer,
 *   type TransferClient,
 *   RequestError,
 *   type RequestResult,
 * } from 'concordat/client';
 *
 * // Makes a transfer once, and asks once more where its outcome is not known in time.
 * export async function pay(client: TransferClient, order: Transfer): Promise<RequestResult> {
 *   try {
 *     return await client.transfer(order, { timeoutMs: 30_000 });
 *   } catch (error) {
 *     const request = error instanceof RequestError && error.isOpen ? error.data.request : undefined;
 *     if (request === undefined) throw error;
 *     return client.ask(request, order, { timeoutMs: 30_000 });
 *   }
 * }
 * ```
 */
export class RequestError extends ConcordatError<RequestErrorCode, RequestErrorData> {
  override readonly name = 'RequestError';
  readonly data: RequestErrorData;

  constructor(
    readonly code: RequestErrorCode,
    message: string,
    { details = [], request, isTooOldSoFar = false }: Partial<RequestErrorData> = {},
  ) {
    super(details.length === 0 ? message : `${message} (${details.join('; ')})`);
    this.data = { details, request, isTooOldSoFar };
  }

  /** Whether it is worth asking again. */
  get isOpen(): boolean {
    return this.code === 'disagreement' || this.code === 'timeout';
  }
}

/** What a `RequestError` is about. */
export interface RequestErrorData {
  /** What each initiator said or how it failed, as far as known; for people. */
  readonly details: readonly string[];
  /** By what `TransferClient.ask` finds it, where it was sent. */
  readonly request: Ticket | undefined;
  /**
   * Of `timeout`: `f + 1` initiators answered, one of them that the request is too old, and no `f + 1` name an
   * outcome. While it stays so, however often the client asks, the outcome is lost, and nothing more is done.
   */
  readonly isTooOldSoFar: boolean;
}
