export { type InitiatorNodeOptions, startInitiator } from '../banking/initiator/initiator-node.js';
export { Initiator } from '../transaction/initiator/initiator.js';
export type {
  InitiatorInput,
  InitiatorOptions,
  InitiatorOutput,
} from '../transaction/initiator/messages.js';
