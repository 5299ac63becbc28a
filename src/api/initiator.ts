/**
 * Initiators: they take a client's request and run it as a transaction.
 *
 * @packageDocumentation
 */

export { type InitiatorNodeOptions, startInitiator } from '../banking/initiator/initiator-node.js';
export type { InitiatorCall } from '../banking/initiator/outbound.js';
export { ConfigError } from '../kernel/config/config-error.js';
export { ConcordatError } from '../kernel/error.js';
export {
  call,
  commit,
  type Ending,
  type InitiatorApplication,
  type ProcedureCall,
  type ProcedureRequest,
  type ProcedureSteps,
  rollback,
  type ServiceAnswer,
} from '../service/initiator/procedures.js';
export type { Json } from '../service/json.js';
export type { ServiceCall } from '../service/messages.js';
export { Initiator } from '../transaction/initiator/initiator.js';
export type {
  InitiatorInput,
  InitiatorOptions,
  InitiatorOutput,
} from '../transaction/initiator/messages.js';
