import { ConcordatError } from '../../kernel/error.js';
import type { ClientId, TransactionId } from '../../kernel/ids.js';
import type { EnlistmentRef } from '../../transaction/participant/messages.js';
import { type Json, serviceNameRule } from '../json.js';
import type { Outbox } from './outbox/messages.js';

/** What an operation receives with a call. */
export interface OperationCall {
  /** What the procedure sent. */
  readonly payload: Json;
  /** Name of the client that signed the request. */
  readonly client: string;
  /** The transaction that the call is part of. */
  readonly transactionId: TransactionId;
  /** Names the call among all; a resource and a synchronization receive it with the rest of the call. */
  readonly ref: EnlistmentRef;
  /** What the client asked the initiators for, and signed; no names and null where it drives the transaction itself. */
  readonly request: {
    readonly application: string;
    readonly procedure: string;
    readonly payload: Json;
  };
  /**
   * Whether the client itself agreed to just this call: a permit of its signed request names this participant, this
   * operation and this payload. A permit is for one call of one transaction: a second call like it is not permitted, and
   * in another transaction it is refused. Ask for it where no initiator, nor all of them, may do a thing in the client's name.
   */
  readonly isPermitted: boolean;
  /** Aborted where the call's time is over, or its transaction has ended: the result is of no use any more. */
  readonly signal: AbortSignal;
  /** Sends messages that leave if the transaction commits. The participant names its broker, or nothing can be sent. */
  readonly outbox: Outbox;
}

/** The core's operation: one call, with what the client signed. */
export interface ServiceOperation {
  readonly operation: string;
  readonly payload: Json;
  readonly number: number;
  readonly request: {
    readonly client: ClientId;
    readonly timestamp: number;
    readonly name: string;
    readonly application: string;
    readonly procedure: string;
    readonly payload: Json;
    /** How many calls just like this the client agreed to; no bound where its own message makes it, number and all. */
    readonly permits: number;
  };
}

/**
 * Does the work of one call, with what the resource gives it to work on. What it returns goes to the procedure. It
 * throws `Refusal` where it says no: the transaction is then aborted. Whatever else it throws is a refusal too, and is
 * logged.
 */
export type OperationHandler<Work> = (
  work: Work,
  call: OperationCall,
) => MaybeNothing | Promise<MaybeNothing>;

// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is such an operation.
type MaybeNothing = Json | void;

/** A participant's operations, by their names. */
export type OperationHandlers<Work> = Readonly<Record<string, OperationHandler<Work>>>;

/**
 * Does the work of a call by whatever name: for a participant that does not know all names beforehand. Otherwise as
 * `OperationHandler`.
 */
export type AnyOperation<Work> = (
  operation: string,
  work: Work,
  call: OperationCall,
) => MaybeNothing | Promise<MaybeNothing>;

/** Initiators act on these: they call again, or call the request too old. */
const ownReasons: ReadonlySet<string> = new Set(['Busy', 'RequestUsed']);

export interface RefusalData {
  /** A code: a letter, then at most 62 letters, digits, `.`, `_`, `-`. */
  readonly reason: string;
}

/**
 * An operation says no. Its code reaches the client with the abort. Throws `RangeError` where the reason is no code, or
 * `Busy` or `RequestUsed`, which the participant says itself.
 *
 * @example
 * ```ts
 * import { type OperationHandlers, Refusal, type TableWork } from 'concordat/participant';
 *
 * export const operations: OperationHandlers<TableWork> = {
 *   reserve: async (rooms) => {
 *     const free = Number((await rooms.get('free')) ?? 0);
 *     if (free === 0) throw new Refusal('FullyBooked');
 *     await rooms.set('free', free - 1);
 *     return { room: free };
 *   },
 * };
 * ```
 */
export class Refusal extends ConcordatError<'Refused', RefusalData> {
  override readonly name = 'Refusal';
  readonly code = 'Refused';
  readonly data: RefusalData;

  constructor(reason: string) {
    super(reason);
    if (!serviceNameRule.test(reason) || !/^[A-Za-z]/.test(reason)) {
      throw new RangeError('a reason is a code such as FullyBooked');
    }
    if (ownReasons.has(reason))
      throw new RangeError(`${reason} is what the participant itself says`);
    this.data = { reason };
  }
}
