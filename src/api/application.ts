/**
 * What an application of sessions implements. Its module exports `default { application }`; each coordinator loads it by the
 * path, or the name, in its node file.
 *
 * @packageDocumentation
 */

export type { Application, ApplyResult, Call, State } from '../session/core/application.js';
export { findOrderFault, type OrderCase, type OrderFault } from '../session/core/order-fault.js';
export type { CallResult, SessionTransfer } from '../session/types.js';
