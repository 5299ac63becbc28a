import { ConcordatError } from '../../../kernel/error.js';

/**
 * What went wrong between a participant and its MariaDB; the message says what to do. A statement that the server
 * refuses rejects with the connector's own `SqlError`, as always.
 *
 * @example
 * ```ts
 * import { MariadbError, type MariadbWork } from 'concordat/mariadb';
 *
 * export async function debit(work: MariadbWork, sku: string): Promise<void> {
 *   try {
 *     await work.query('UPDATE stock SET pieces = pieces - 1 WHERE sku = ?', [sku]);
 *   } catch (error) {
 *     if (error instanceof MariadbError) console.error(error.code, error.data.xid);
 *     throw error;
 *   }
 * }
 * ```
 */
export class MariadbError extends ConcordatError<MariadbErrorCode, MariadbErrorData> {
  override readonly name = 'MariadbError';

  constructor(
    readonly code: MariadbErrorCode,
    message: string,
    readonly data: MariadbErrorData,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * - `unusable-server`: a setting, a right or a table of the server does not allow what a participant needs.
 * - `in-use`: other connections of the same participant are open.
 * - `no-connection`: there was no connection for the work in time.
 * - `refused-statement`: the statement would end the call's transaction, or can never be prepared.
 * - `statement-failed`: an earlier statement of the call failed, and it has not rolled back to a savepoint since.
 * - `not-transactional`: the call changed a table whose engine cannot roll back; that change stays.
 * - `work-over`: the work has voted, or is given up, and takes no more statements.
 * - `transaction-ended`: the call's transaction ended before its vote.
 * - `unknown-outcome`: the connection broke where the server may have done what it was asked for.
 * - `lost`: the transaction is neither prepared nor committed, though the participant voted for it.
 * - `other-name`: the participant has prepared it under another name than it has now, or for another cluster or database.
 * - `committed`: the transaction is to be rolled back, and is committed.
 */
export type MariadbErrorCode =
  | 'unusable-server'
  | 'in-use'
  | 'no-connection'
  | 'refused-statement'
  | 'statement-failed'
  | 'not-transactional'
  | 'work-over'
  | 'transaction-ended'
  | 'unknown-outcome'
  | 'lost'
  | 'other-name'
  | 'committed';

/** What a `MariadbError` is about. */
export interface MariadbErrorData {
  /** The participant. */
  readonly name: string;
  /** `TRANSACTION:PARTICIPANT:REALM:ENLISTMENT`, as in `concordat_done`; none where the error is about all of them. */
  readonly xid?: string;
}

/** `ER_XAER_NOTA`: no such transaction, or it belongs to a connection that is still there. */
const unknownXid = 1397;
/** `ER_XA_RBROLLBACK`, `ER_XA_RBTIMEOUT`, `ER_XA_RBDEADLOCK`. */
const rolledBack = [1402, 1613, 1614];

export function isUnknownXid(error: unknown): boolean {
  return errnoOf(error) === unknownXid;
}

/** The server has rolled it back by itself. */
export function isRolledBack(error: unknown): boolean {
  return rolledBack.includes(errnoOf(error) ?? 0);
}

/** The number of the server's error. */
function errnoOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errno' in error)) return undefined;
  return typeof error.errno === 'number' ? error.errno : undefined;
}
