/**
 * Participants of transactions: the bank, and what it keeps its accounts in. A participant that keeps something else
 * implements `AccountLedger`.
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
export type {
  ApplicationVote,
  ApplicationWrite,
  OperationResult,
} from '../transaction/participant/messages.js';
