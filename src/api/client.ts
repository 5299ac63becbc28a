/**
 * Clients of a cluster: transfers between accounts of different banks, and sessions of an application. A client signs what
 * it asks for, and takes only answers that so many nodes sign that one of them is correct.
 *
 * @packageDocumentation
 */

export { TransferClient } from '../banking/client/transfer-client.js';
export {
  accountId,
  type Balance,
  currency,
  type Transfer,
} from '../banking/soap.js';
export type { Cluster } from '../kernel/cluster.js';
export { loadCluster } from '../kernel/config/cluster-file.js';
export { ConfigError } from '../kernel/config/config-error.js';
export { type ClientNode, loadNode, type NodeFile } from '../kernel/config/node-file.js';
export { ConcordatError } from '../kernel/error.js';
export { participantId, type TransactionId } from '../kernel/ids.js';
export {
  type ClientDialogue,
  type DialogueAnswer,
  DialogueClient,
  type DialogueOptions,
  type DialogueState,
} from '../service/client/dialogue-client.js';
export type { RequestResult } from '../service/client/poll-core.js';
export {
  type Permit,
  ProcedureClient,
  type ProcedureOrder,
  type ProcedureResult,
} from '../service/client/procedure-client.js';
export {
  RequestError,
  type RequestErrorCode,
  type RequestErrorData,
  type Ticket,
} from '../service/client/request-error.js';
export type { RequestClientOptions, RequestOptions } from '../service/client/request-sender.js';
export type { Json } from '../service/json.js';
export { SessionClient, type SessionClientOptions } from '../session/client/session-client.js';
export {
  type FinalStatus,
  type Performed,
  SessionError,
  type SessionErrorCode,
  type SessionErrorData,
} from '../session/client/session-log.js';
export type { SessionProblem } from '../session/http/problem.js';
export { ReceivedFault } from '../soap/client.js';
export { type FaultData, SoapFault } from '../soap/faults.js';
export {
  SoapTransportError,
  type SoapTransportErrorData,
  type TransportFailure,
} from '../soap/transport.js';
