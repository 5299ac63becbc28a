import type { Brand } from './ids.js';

/**
 * A statement as it travels: the exact bytes that were signed, and the signature.
 * `statement` is what `bytes` say; only the wire codec makes one of the other.
 */
export interface Signed<S> {
  readonly statement: S;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/** A signed statement whose signature by the party that it names has been checked. */
export type Verified<S> = Brand<Signed<S>, 'Verified'>;
