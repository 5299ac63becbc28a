/**
 * MariaDB as what a participant keeps its data in. Needs the package `mariadb`, which is not installed with this one.
 *
 * @packageDocumentation
 */

export type { MariadbErrorCode, MariadbErrorData } from '../service/participant/mariadb/error.js';
export { MariadbError } from '../service/participant/mariadb/error.js';
export { mariadb } from '../service/participant/mariadb/mariadb.js';
export type {
  MariadbConnection,
  MariadbIsolation,
  MariadbOptions,
} from '../service/participant/mariadb/options.js';
export type { MariadbResult, MariadbWork } from '../service/participant/mariadb/work.js';
export type { EnlistmentRef } from '../transaction/participant/messages.js';
