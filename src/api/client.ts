export type { TransferResult } from '../banking/client/poll-core.js';
export {
  TransferClient,
  type TransferClientOptions,
  type TransferOptions,
} from '../banking/client/transfer-client.js';
export { TransferError, type TransferErrorCode } from '../banking/client/transfer-error.js';
export {
  accountId,
  type Balance,
  currency,
  type Transfer,
} from '../banking/soap.js';
export type { Cluster } from '../kernel/cluster.js';
export { loadCluster } from '../kernel/config/cluster-file.js';
export { type ClientNode, loadNode, type NodeFile } from '../kernel/config/node-file.js';
export { participantId, type TransactionId } from '../kernel/ids.js';
export { SessionClient, type SessionClientOptions } from '../session/client/session-client.js';
