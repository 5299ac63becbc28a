/**
 * Engines that put requests into one order at all replicas, Antipaxos, FaB, PBFT and ezBFT, and what runs an engine:
 * driver, store, codec and checks of messages.
 *
 * @packageDocumentation
 */

export type { VerificationError } from '../agreement/check-signature.js';
export { WireError } from '../kernel/codec/bytes.js';
export type { Core, StoredRecord } from '../kernel/core.js';
export { Driver, type DriverOptions } from '../kernel/driver/driver.js';
export { ConcordatError } from '../kernel/error.js';
export { ed25519Signer, Keyring, type Sign } from '../kernel/keys.js';
export {
  StoreDamagedError,
  StoreError,
  type StoreErrorCode,
  type StoreErrorData,
  StoreFormatError,
} from '../kernel/store/mark.js';
export { createStore, openStore, type Store } from '../kernel/store/store.js';
export { type RequestCheck, verifyOrderingMessage } from '../ordering/check-message.js';
export { AntipaxosEngine } from '../ordering/core/antipaxos/engine.js';
export type { AntipaxosOptions } from '../ordering/core/antipaxos/state.js';
export {
  type OrderingEngine,
  type OrderingInput,
  type OrderingOptions,
  type OrderingOutput,
  orderingDefaults,
  type StateMachine,
} from '../ordering/core/engine.js';
export { EzbftEngine } from '../ordering/core/ezbft/engine.js';
export { FabEngine } from '../ordering/core/fab/engine.js';
export {
  findMachineFault,
  type MachineCase,
  type MachineFault,
} from '../ordering/core/machine-fault.js';
export { PbftEngine } from '../ordering/core/pbft/engine.js';
export { SequenceEngine } from '../ordering/core/sequence/engine.js';
export { decodeOrderingMessage, encodeOrderingMessage } from '../ordering/message-codec.js';
export type {
  Batch,
  OrderingMessage,
  OrderingRequest,
  VerifiedOrderingMessage,
} from '../ordering/types.js';
