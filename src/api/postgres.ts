/**
 * PostgreSQL as what a participant keeps its data in. Needs the package `pg`, which is not installed with this one.
 *
 * @packageDocumentation
 */

export type {
  PostgresErrorCode,
  PostgresErrorData,
} from '../service/participant/postgres/error.js';
export { PostgresError } from '../service/participant/postgres/error.js';
export type {
  PostgresConnection,
  PostgresIsolation,
  PostgresOptions,
} from '../service/participant/postgres/options.js';
export { postgres } from '../service/participant/postgres/postgres.js';
export type { PostgresResult, PostgresWork } from '../service/participant/postgres/work.js';
export type { EnlistmentRef } from '../transaction/participant/messages.js';
