import { hash } from 'node:crypto';
import type { SlotValue } from '../vocabulary/agreement.js';
import type { Digest } from '../vocabulary/ids.js';
import type { Signed } from '../vocabulary/statements.js';
import { type AnyStatement, encodeSigned, encodeValue } from '../wire/index.js';

/** SHA-256 as 64 lower-case hexadecimal digits. */
export function sha256(bytes: Uint8Array): Digest {
  return hash('sha256', bytes, 'hex') as Digest;
}

/** The digest that a phase statement carries for its value. */
export function digestOfValue(value: SlotValue): Digest {
  return sha256(encodeValue(value));
}

/** Names one signed statement, signature included: what ba-pre-prepare-update calls its proposals. */
export function digestOfSigned(signed: Signed<AnyStatement>): Digest {
  return sha256(encodeSigned(signed));
}
