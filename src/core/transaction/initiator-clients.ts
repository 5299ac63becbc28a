import type { ClientId, Digest } from '../../vocabulary/ids.js';
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

/** The last accepted timestamp and the logged reply of each client (Zhao §4.1), bounded. */
export class ClientTable {
  /** In the order of their last use, so the first one is the one to forget. */
  readonly #records = new Map<ClientId, ClientRecord>();
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
    this.#records.delete(client);
    this.#records.set(client, record);
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= this.#capacity) break;
      this.#records.delete(oldest);
    }
  }
}
