/**
 * Participants of transactions: one's own, with operations and a resource that they work on; and the bank.
 *
 * @packageDocumentation
 */

export type { AccountLedger } from '../banking/bank/account-book.js';
export { AccountBook } from '../banking/bank/account-book.js';
export { BankCore } from '../banking/bank/bank-core.js';
export { type BankNodeOptions, startBank } from '../banking/bank/bank-node.js';
export type { AccountId, Balance, Currency, Posting } from '../banking/soap.js';
export { ConfigError } from '../kernel/config/config-error.js';
export type { StoredRecord } from '../kernel/core.js';
export { ConcordatError } from '../kernel/error.js';
export type { RunningNode } from '../kernel/running-node.js';
export {
  StoreDamagedError,
  StoreError,
  type StoreErrorCode,
  type StoreErrorData,
  StoreFormatError,
} from '../kernel/store/mark.js';
export type { Json } from '../service/json.js';
export {
  type HttpService,
  type HttpServiceOptions,
  type HttpWork,
  httpService,
} from '../service/participant/http/http-service.js';
export {
  HttpServiceError,
  type HttpServiceErrorData,
  type HttpServiceFailure,
} from '../service/participant/http/service-calls.js';
export {
  type AnyOperation,
  type OperationCall,
  type OperationHandler,
  type OperationHandlers,
  Refusal,
  type RefusalData,
} from '../service/participant/operations.js';
export type { Broker, Outbox, OutboxMessage } from '../service/participant/outbox/messages.js';
export {
  type ParticipantNodeOptions,
  startParticipant,
} from '../service/participant/participant-node.js';
export type { LeftWork, PreparedWork, Resource } from '../service/participant/resource.js';
export {
  type CompletionStatus,
  type Synchronization,
  synchronized,
} from '../service/participant/synchronization.js';
export { Table, type TableWork } from '../service/participant/table.js';
export type {
  ApplicationVote,
  ApplicationWrite,
  EnlistmentRef,
  OperationResult,
} from '../transaction/participant/messages.js';
