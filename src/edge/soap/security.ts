/** WS-Security for SOAP messages: the one door to signing and verifying. */
export type { Principal } from './principal.js';
export { ReplayCache } from './replay-cache.js';
export { type Clock, MessageSigner } from './signing.js';
export { type Trust, trustOf } from './trust.js';
export { MessageVerifier, type ReceivedMessage } from './verification.js';
