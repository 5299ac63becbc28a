import { type ClientId, clientPrincipal, type Digest } from '../../vocabulary/ids.js';
import type { TransferOutcome } from './initiator-messages.js';

interface ClientRecord {
  readonly timestamp: number;
  readonly digest: Digest;
  readonly reply?: TransferOutcome;
}

/** How a request stands to the last one accepted of its client. */
export type Standing =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'repeated'; readonly reply: TransferOutcome | undefined }
  | { readonly kind: 'stale' }
  | { readonly kind: 'conflict' };

/**
 * The last accepted timestamp and the logged reply of each client id (Zhao §4.1), bounded. Where there is
 * no room, one of the principal with the most gives way, so that one with many lanes pushes out its own.
 */
export class ClientTable {
  readonly #records = new Map<ClientId, ClientRecord>();
  /** The client ids of each principal, and the principals, in the order of their last use. */
  readonly #ofPrincipal = new Map<string, Set<ClientId>>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  standing(client: ClientId, timestamp: number, digest: Digest): Standing {
    const last = this.#records.get(client);
    if (last === undefined || timestamp > last.timestamp) return { kind: 'fresh' };
    if (timestamp < last.timestamp) return { kind: 'stale' };
    if (digest !== last.digest) return { kind: 'conflict' };
    return { kind: 'repeated', reply: last.reply };
  }

  accept(client: ClientId, timestamp: number, digest: Digest): void {
    this.#put(client, { timestamp, digest });
  }

  /** Logs the reply, unless a later request of the client has taken its place. */
  logReply(client: ClientId, digest: Digest, reply: TransferOutcome): void {
    const last = this.#records.get(client);
    if (last?.digest === digest) this.#put(client, { ...last, reply });
  }

  #put(client: ClientId, record: ClientRecord): void {
    this.#records.set(client, record);
    const principal = clientPrincipal(client);
    const own = this.#ofPrincipal.get(principal) ?? new Set();
    own.delete(client);
    this.#ofPrincipal.delete(principal);
    this.#ofPrincipal.set(principal, own.add(client));
    if (this.#records.size > this.#capacity) this.#forgetOne();
  }

  #forgetOne(): void {
    let largest = new Set<ClientId>();
    for (const clients of this.#ofPrincipal.values()) {
      if (clients.size > largest.size) largest = clients;
    }
    const [oldest] = largest;
    if (oldest === undefined) return;
    this.#records.delete(oldest);
    largest.delete(oldest);
    if (largest.size === 0) this.#ofPrincipal.delete(clientPrincipal(oldest));
  }
}
