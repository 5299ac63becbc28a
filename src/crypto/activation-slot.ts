import type { Digest } from '../vocabulary/ids.js';
import type { ActivationStatement } from '../vocabulary/statements.js';
import { encodeActivationName, encodeActivationRequest } from '../wire/index.js';
import { sha256 } from './digest.js';

/**
 * The `request` of the activation slot that a statement asks for: the digest of the client and its
 * timestamp. All that a client asks for with one timestamp meets in one slot, and the slot is decided once.
 */
export function activationSlotRequest(statement: ActivationStatement): Digest {
  return sha256(encodeActivationName(statement));
}

/** The digest of all that a statement says but for the initiator: `f + 1` initiators have to say it alike. */
export function activationContent(statement: ActivationStatement): Digest {
  return sha256(encodeActivationRequest(statement));
}
