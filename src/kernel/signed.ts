import type { Brand, ReplicaId } from './ids.js';
import type { Sign } from './keys.js';

/**
 * A statement as it travels: the exact bytes that were signed, and the signature.
 * `statement` is what `bytes` say; only the wire codec makes one of the other.
 */
export interface Signed<S> {
  readonly statement: S;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * A statement, and its bytes signed. Where `sign` takes bytes for later, the signature is made when it is read first:
 * what is only decided in a step is signed with what else leaves then.
 */
export function signedBy<S>(sign: Sign, bytes: Uint8Array, statement: S): Signed<S> {
  const later = sign.later?.(bytes);
  if (later === undefined) return { statement, bytes, signature: sign(bytes) };
  return {
    statement,
    bytes,
    get signature() {
      return later();
    },
  };
}

/** Whose signature it is, and the signature, which is not made before it is read. */
export function signatureOf(
  replica: ReplicaId,
  signed: Signed<unknown>,
): { readonly replica: ReplicaId; readonly signature: Uint8Array } {
  return {
    replica,
    get signature() {
      return signed.signature;
    },
  };
}

/** A signed statement whose signature by the party that it names has been checked. */
export type Verified<S> = Brand<Signed<S>, 'Verified'>;
