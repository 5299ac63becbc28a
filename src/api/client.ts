/**
 * Clients of a cluster: transfers between accounts of different banks, and sessions of an application. A client signs what
 * it asks for, and takes only answers that so many nodes sign that one of them is correct.
 *
 * @packageDocumentation
 */

export type { TransferResult } from '../banking/client/poll-core.js';
export {
  TransferClient,
  type TransferClientOptions,
  type TransferOptions,
} from '../banking/client/transfer-client.js';
export {
  type Ticket,
  TransferError,
  type TransferErrorCode,
  type TransferErrorData,
} from '../banking/client/transfer-error.js';
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
