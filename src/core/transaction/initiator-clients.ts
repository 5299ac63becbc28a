import { type ClientId, clientPrincipal, type Digest } from '../../vocabulary/ids.js';
import type { Decision } from '../../vocabulary/statements.js';
import type { TransferOutcome } from './initiator-messages.js';

/** The last request that was accepted of a client id. */
export interface ClientRecord {
  readonly timestamp: number;
  readonly digest: Digest;
  readonly reply?: TransferOutcome;
  /** It has an outcome, or can have none any more, as far as this initiator knows. */
  readonly isOver: boolean;
  /** What this initiator has asked the coordinators for, where it ended without an outcome. */
  readonly decision?: Decision | undefined;
}

/** How a request stands to the last one accepted of its client. */
export type Standing =
  | { readonly kind: 'fresh' }
  /** The one before it may still be carried out. */
  | { readonly kind: 'early'; readonly before: ClientRecord }
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
    if (last === undefined) return { kind: 'fresh' };
    if (timestamp > last.timestamp) {
      return last.isOver ? { kind: 'fresh' } : { kind: 'early', before: last };
    }
    if (timestamp < last.timestamp) return { kind: 'stale' };
    if (digest !== last.digest) return { kind: 'conflict' };
    return { kind: 'repeated', reply: last.reply };
  }

  accept(client: ClientId, timestamp: number, digest: Digest): void {
    const last = this.#records.get(client);
    const decision = last?.digest === digest ? last.decision : undefined;
    this.#put(client, { timestamp, digest, isOver: false, decision });
  }

  /** Logs the reply, unless a later request of the client has taken its place. */
  logReply(client: ClientId, digest: Digest, reply: TransferOutcome): void {
    const last = this.#records.get(client);
    if (last?.digest === digest) this.#put(client, { ...last, reply, isOver: true });
  }

  /** It has ended here without an outcome. */
  ended(client: ClientId, digest: Digest, end: Pick<ClientRecord, 'isOver' | 'decision'>): void {
    const last = this.#records.get(client);
    const decision = end.decision ?? last?.decision;
    if (last?.digest === digest) this.#put(client, { ...last, isOver: end.isOver, decision });
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
