import { WireError } from '../../../src/kernel/codec/bytes.js';
import type { ReplicaId, Result } from '../../../src/kernel/ids.js';

/** What bytes say. A broadcast is the same array of bytes for all that get it, so it is read once. */
export class Readings<Value extends object> {
  readonly #known = new WeakMap<Uint8Array, Value | 'bad'>();

  /** Undefined where they say nothing. */
  of(bytes: Uint8Array, read: () => Value | undefined): Value | undefined {
    const known = this.#known.get(bytes);
    if (known !== undefined) return known === 'bad' ? undefined : known;
    const value = read();
    this.#known.set(bytes, value ?? 'bad');
    return value;
  }
}

/** Decodes and verifies messages of replicas as the edges do, with the production codec and checks. */
export class MessageReader<Message extends object, Verified extends object> {
  readonly #decode: (bytes: Uint8Array) => Message;
  readonly #check: (from: ReplicaId, message: Message) => Result<Verified, unknown>;
  readonly #decoded = new Readings<Message>();
  /** By the replica that sent it. */
  readonly #verified = new Map<ReplicaId, Readings<Verified>>();

  constructor(
    decode: (bytes: Uint8Array) => Message,
    check: (from: ReplicaId, message: Message) => Result<Verified, unknown>,
  ) {
    this.#decode = decode;
    this.#check = check;
  }

  read(bytes: Uint8Array): Message | undefined {
    return this.#decoded.of(bytes, () => {
      try {
        return this.#decode(bytes);
      } catch (error) {
        if (error instanceof WireError) return undefined;
        throw error;
      }
    });
  }

  /** What a replica may believe that they say; undefined for nothing. */
  verify(from: ReplicaId, bytes: Uint8Array): Verified | undefined {
    const readings = this.#verified.get(from) ?? new Readings();
    this.#verified.set(from, readings);
    return readings.of(bytes, () => {
      const message = this.read(bytes);
      return message && verifiedIn(this.#check(from, message));
    });
  }
}

export function verifiedIn<Value>(result: Result<Value, unknown>): Value | undefined {
  return result.ok ? result.value : undefined;
}
