import { WireError } from '../../../src/kernel/codec/bytes.js';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import {
  decodeSessionMessage,
  type SessionMessage,
  type VerifiedSessionMessage,
  verifySessionMessage,
} from '../../../src/session/message.js';
import { sessionRequestCheck } from '../../../src/session/request.js';
import { OrderingReader } from '../ordering/reader.js';
import type { Cast } from '../kit/cast.js';
import type { SimOwners } from './owners.js';

/** Decodes and verifies as the edges do, once for all who get the same array of bytes. */
export class SessionsReader {
  readonly ordering: OrderingReader;
  readonly #cast: Cast;
  readonly #owners: SimOwners;
  readonly #decoded = new WeakMap<Uint8Array, SessionMessage | 'bad'>();
  readonly #verified = new WeakMap<Uint8Array, Map<ReplicaId, VerifiedSessionMessage | 'bad'>>();

  constructor(cast: Cast, owners: SimOwners) {
    this.#cast = cast;
    this.#owners = owners;
    this.ordering = new OrderingReader(cast, sessionRequestCheck(cast.keyring, owners.asOwners));
  }

  session(bytes: Uint8Array): SessionMessage | undefined {
    const known = this.#decoded.get(bytes);
    if (known) return known === 'bad' ? undefined : known;
    const message = this.#decode(bytes);
    this.#decoded.set(bytes, message ?? 'bad');
    return message;
  }

  verifySession(from: ReplicaId, bytes: Uint8Array): VerifiedSessionMessage | undefined {
    const message = this.session(bytes);
    if (!message) return undefined;
    const known = this.#verified.get(bytes) ?? new Map<ReplicaId, VerifiedSessionMessage | 'bad'>();
    this.#verified.set(bytes, known);
    const before = known.get(from);
    if (before) return before === 'bad' ? undefined : before;
    const { keyring } = this.#cast;
    const result = verifySessionMessage(keyring, this.#owners.asOwners, from, message);
    known.set(from, result.ok ? result.value : 'bad');
    return result.ok ? result.value : undefined;
  }

  #decode(bytes: Uint8Array): SessionMessage | undefined {
    try {
      return decodeSessionMessage(this.#cast.cluster.id, bytes);
    } catch (error) {
      if (error instanceof WireError) return undefined;
      throw error;
    }
  }
}
