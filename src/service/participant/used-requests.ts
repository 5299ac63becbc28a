import type { StoredRecord } from '../../kernel/core.js';
import { type ClientId, clientId, type TransactionId, transactionId } from '../../kernel/ids.js';
import {
  type ApplicationWrite,
  type EnlistmentRef,
  refKey,
} from '../../transaction/participant/messages.js';
import { parseJson, payloadBytesMax } from '../json.js';

/** Names the client's request, or the order of sessions, that permits something. */
export interface PermittingRequest {
  readonly client: ClientId;
  readonly timestamp: number;
  /** How many calls just like this one it permits in its transaction; absent where the participant knows two alike for one. */
  readonly permits?: number;
}

interface HeldRequest {
  readonly tid: TransactionId;
  readonly request: PermittingRequest;
  readonly what: string;
}

interface Used {
  readonly timestamp: number;
  /** The transaction that the request was used in. */
  readonly tid: TransactionId;
  /** Read back after a restart: how often it was used in the transaction is not known any more. */
  readonly isRestored: boolean;
}

/** Records `request/<client>`. */
const usedPrefix = 'request/';

/**
 * The last request of each client by which this participant has voted to do what it permits. A request is used in one
 * transaction, and none with an older timestamp after it; else initiators that all lie, or that took a
 * forgotten request for a new one, could have it done again. There is one record for each client id that may have
 * something done here, at most, and it stays.
 */
export class UsedRequests {
  readonly #used = new Map<ClientId, Used>();
  /** Requests of what is held, by enlistment. */
  readonly #held = new Map<string, HeldRequest>();

  /** Throws `RangeError` where a record is damaged. */
  restore(records: readonly StoredRecord[]): void {
    for (const { key, value } of records) {
      if (!key.startsWith(usedPrefix)) continue;
      this.#used.set(clientId(key.slice(usedPrefix.length)), readUsed(value));
    }
  }

  /** Whether the request may still be used in this transaction. */
  isOpen({ client, timestamp }: PermittingRequest, tid: TransactionId): boolean {
    const used = this.#used.get(client);
    if (used === undefined || timestamp > used.timestamp) return true;
    return timestamp === used.timestamp && tid === used.tid;
  }

  /** `what` is done by it: what is permitted once and done twice has the same text. */
  hold(ref: EnlistmentRef, request: PermittingRequest, what = ''): void {
    this.#held.set(refKey(ref), { tid: ref.tid, request, what });
  }

  /** Whether the request permits one more like this in the transaction. Two texts are one thing done. */
  permitsMore(
    { tid }: EnlistmentRef,
    { client, permits }: PermittingRequest,
    what: string,
  ): boolean {
    if (permits === undefined) return true;
    const used = this.#used.get(client);
    if (used?.tid === tid && used.isRestored) return false;
    const held = [...this.#held.values()].filter((one) => one.tid === tid && one.what === what);
    return held.length < permits;
  }

  release(ref: EnlistmentRef): void {
    this.#held.delete(refKey(ref));
  }

  /**
   * Uses what is held, before the vote: the writes that make that durable. `undefined` where another
   * transaction has used it, or a later request of the client, in the meantime.
   */
  use(ref: EnlistmentRef): readonly ApplicationWrite[] | undefined {
    const request = this.#held.get(refKey(ref))?.request;
    if (request === undefined) return [];
    const { tid } = ref;
    if (!this.isOpen(request, tid)) return undefined;
    const { client, timestamp } = request;
    const before = this.#used.get(client);
    const isRestored = before?.tid === tid && before.isRestored;
    this.#used.set(client, { timestamp, tid, isRestored });
    const value = new TextEncoder().encode(JSON.stringify({ timestamp, tid }));
    return [{ key: usedPrefix + client, value }];
  }
}

function readUsed(bytes: Uint8Array): Used {
  const content = parseJson(new TextDecoder().decode(bytes), payloadBytesMax);
  if (typeof content !== 'object' || content === null || !('timestamp' in content)) {
    throw new RangeError('a damaged record of a request');
  }
  const { timestamp, tid } = content;
  if (!Number.isSafeInteger(timestamp)) throw new RangeError('timestamp is not a number');
  return { timestamp: Number(timestamp), tid: transactionId(String(tid)), isRestored: true };
}
