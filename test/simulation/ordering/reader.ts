import { WireError } from '../../../src/kernel/codec/bytes.js';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import { type RequestCheck, verifyOrderingMessage } from '../../../src/ordering/check-message.js';
import { decodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import type { OrderingMessage, VerifiedOrderingMessage } from '../../../src/ordering/types.js';
import type { Cast } from '../kit/cast.js';

/**
 * Decodes and verifies as the edges do, with the production codec and checks. A broadcast is the same
 * array of bytes for everybody who gets it, so it is read once.
 */
export class OrderingReader {
  readonly #cast: Cast;
  readonly #isGenuine: RequestCheck;
  readonly #decoded = new WeakMap<Uint8Array, OrderingMessage | 'bad'>();
  readonly #verified = new WeakMap<Uint8Array, Map<ReplicaId, VerifiedOrderingMessage | 'bad'>>();

  constructor(cast: Cast, isGenuine: RequestCheck) {
    this.#cast = cast;
    this.#isGenuine = isGenuine;
  }

  /** What the bytes say; undefined where they say nothing. */
  read(bytes: Uint8Array): OrderingMessage | undefined {
    const known = this.#decoded.get(bytes);
    if (known) return known === 'bad' ? undefined : known;
    const message = this.#decode(bytes);
    this.#decoded.set(bytes, message ?? 'bad');
    return message;
  }

  /** What a replica may believe that they say; undefined for nothing. */
  verify(from: ReplicaId, bytes: Uint8Array): VerifiedOrderingMessage | undefined {
    const message = this.read(bytes);
    if (!message) return undefined;
    const known =
      this.#verified.get(bytes) ?? new Map<ReplicaId, VerifiedOrderingMessage | 'bad'>();
    this.#verified.set(bytes, known);
    const before = known.get(from);
    if (before) return before === 'bad' ? undefined : before;
    const result = verifyOrderingMessage(this.#cast.keyring, this.#isGenuine, from, message);
    known.set(from, result.ok ? result.value : 'bad');
    return result.ok ? result.value : undefined;
  }

  #decode(bytes: Uint8Array): OrderingMessage | undefined {
    try {
      return decodeOrderingMessage(this.#cast.cluster.id, bytes);
    } catch (error) {
      if (error instanceof WireError) return undefined;
      throw error;
    }
  }
}
