import { ConcordatError } from '../../../kernel/error.js';

/**
 * What went wrong between a participant and its PostgreSQL; the message says what to do. A statement that the server
 * refuses rejects with `pg`'s own `DatabaseError`, as always.
 *
 * @example
 * ```ts
 * import { PostgresError, type PostgresWork } from 'concordat/postgres';
 *
 * export async function debit(work: PostgresWork, sku: string): Promise<void> {
 *   try {
 *     await work.query('UPDATE stock SET pieces = pieces - 1 WHERE sku = $1', [sku]);
 *   } catch (error) {
 *     if (error instanceof PostgresError) console.error(error.code, error.data.gid);
 *     throw error;
 *   }
 * }
 * ```
 */
export class PostgresError extends ConcordatError<PostgresErrorCode, PostgresErrorData> {
  override readonly name = 'PostgresError';

  constructor(
    readonly code: PostgresErrorCode,
    message: string,
    readonly data: PostgresErrorData,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/**
 * - `unusable-server`: a setting, a permission or the table of the server does not allow what a participant needs.
 * - `in-use`: other connections of the same participant are open.
 * - `no-connection`: there was no connection for the work in time.
 * - `refused-statement`: the statement would end the call's transaction, or can never be prepared.
 * - `work-over`: the work has voted, or is given up, and takes no more statements.
 * - `transaction-ended`: the call's transaction ended before its vote.
 * - `unknown-outcome`: the connection broke where the server may have done what it was asked for.
 * - `lost`: the transaction is neither prepared nor committed, though the participant voted for it.
 * - `other-name`: the participant has prepared it under another name than it has now.
 * - `committed`: the transaction is to be rolled back, and is committed.
 */
export type PostgresErrorCode =
  | 'unusable-server'
  | 'in-use'
  | 'no-connection'
  | 'refused-statement'
  | 'work-over'
  | 'transaction-ended'
  | 'unknown-outcome'
  | 'lost'
  | 'other-name'
  | 'committed';

/** What a `PostgresError` is about. */
export interface PostgresErrorData {
  /** The participant. */
  readonly name: string;
  /** The global identifier of the transaction, as in `pg_prepared_xacts`; none where the error is about all of them. */
  readonly gid?: string;
}

/** Whether the server said no, and did nothing: the connection stands, and what was asked for is not done. */
export function isRefusal(error: unknown): boolean {
  return severityOf(error) === 'ERROR';
}

/** The SQLSTATE of an error of the server's. */
export function sqlStateOf(error: unknown): string | undefined {
  return severityOf(error) === undefined ? undefined : textOf(error, 'code');
}

/** FATAL and PANIC end the connection, perhaps after the deed. Errors of the socket have no severity. */
function severityOf(error: unknown): string | undefined {
  return textOf(error, 'severity');
}

function textOf(error: unknown, field: string): string | undefined {
  if (typeof error !== 'object' || error === null || !(field in error)) return undefined;
  const value = (error as Readonly<Record<string, unknown>>)[field];
  return typeof value === 'string' ? value : undefined;
}
