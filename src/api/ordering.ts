export type { VerificationError } from '../agreement/check-signature.js';
export { WireError } from '../kernel/codec/bytes.js';
export type { Core, StoredRecord } from '../kernel/core.js';
export { Driver, type DriverOptions } from '../kernel/driver/driver.js';
export { ConcordatError } from '../kernel/error.js';
export {
  StoreDamagedError,
  StoreError,
  type StoreErrorCode,
  type StoreErrorData,
  StoreFormatError,
} from '../kernel/store/mark.js';
export { createStore, openStore, type Store } from '../kernel/store/store.js';
export { verifyOrderingMessage } from '../ordering/check-message.js';
export { AntipaxosEngine } from '../ordering/core/antipaxos/engine.js';
export {
  type OrderingEngine,
  type OrderingInput,
  type OrderingOptions,
  type OrderingOutput,
  orderingDefaults,
  type StateMachine,
} from '../ordering/core/engine.js';
export { PbftEngine } from '../ordering/core/pbft/engine.js';
export { decodeOrderingMessage, encodeOrderingMessage } from '../ordering/message-codec.js';
export type { Batch, OrderingMessage, OrderingRequest } from '../ordering/types.js';
