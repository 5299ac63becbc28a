import type { Digest } from '../vocabulary/ids.js';
import type { ActivationStatement } from '../vocabulary/statements.js';
import { encodeActivationRequest } from '../wire/index.js';
import { sha256 } from './digest.js';

/**
 * The `request` of the activation slot that a statement asks for: the digest of all that it says but
 * for the initiator, so that the statements of different initiators meet in one slot, and requests
 * that differ in anything get slots of their own.
 */
export function activationSlotRequest(statement: ActivationStatement): Digest {
  return sha256(encodeActivationRequest(statement));
}
