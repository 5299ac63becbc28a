import type { StoredRecord } from '../../core/effects.js';
import { refKey } from '../../core/transaction/participant-finished.js';
import type {
  ApplicationWrite,
  EnlistmentRef,
} from '../../core/transaction/participant-messages.js';
import type { Posting } from '../../edge/soap/banking.js';
import {
  type ClientId,
  clientId,
  type TransactionId,
  transactionId,
} from '../../vocabulary/ids.js';
import { parseContent, textIn } from './book-records.js';

/** Names the client's request, or the order of sessions, that a debit is for. */
export interface DebitRequest {
  readonly client: ClientId;
  readonly timestamp: number;
}

/** What a bank is asked to do; a debit comes with its request. */
export type BankOperation = Posting & { readonly request?: DebitRequest };

interface Used {
  readonly timestamp: number;
  /** The transaction that the request was used in. */
  readonly tid: TransactionId;
}

/** Records `request/<client>`. */
const usedPrefix = 'request/';

/**
 * The last request of each client that this bank has voted to debit for. A request is used in one
 * transaction, and none with an older timestamp after it; else initiators that all lie, or that took a
 * forgotten request for a new one, could have its money taken again. There is one record for each client id
 * of those that may debit an account here, at most, and it stays.
 */
export class UsedRequests {
  readonly #used = new Map<ClientId, Used>();
  /** Requests of what is held, by enlistment. */
  readonly #held = new Map<string, DebitRequest>();

  /** Throws `RangeError` where a record is damaged. */
  restore(records: readonly StoredRecord[]): void {
    for (const { key, value } of records) {
      if (!key.startsWith(usedPrefix)) continue;
      const content = parseContent(value);
      const { timestamp } = content;
      if (!Number.isSafeInteger(timestamp)) throw new RangeError('timestamp is not a number');
      this.#used.set(clientId(key.slice(usedPrefix.length)), {
        timestamp: Number(timestamp),
        tid: transactionId(textIn(content, 'tid')),
      });
    }
  }

  /** Whether the request may still be used in this transaction. */
  isOpen({ client, timestamp }: DebitRequest, tid: TransactionId): boolean {
    const used = this.#used.get(client);
    if (used === undefined || timestamp > used.timestamp) return true;
    return timestamp === used.timestamp && tid === used.tid;
  }

  hold(ref: EnlistmentRef, request: DebitRequest): void {
    this.#held.set(refKey(ref), request);
  }

  release(ref: EnlistmentRef): void {
    this.#held.delete(refKey(ref));
  }

  /**
   * Uses what is held, before the vote: the writes that make that durable. `undefined` where another
   * transaction has used it, or a later request of the client, in the meantime.
   */
  use(ref: EnlistmentRef): readonly ApplicationWrite[] | undefined {
    const request = this.#held.get(refKey(ref));
    if (request === undefined) return [];
    const { tid } = ref;
    if (!this.isOpen(request, tid)) return undefined;
    const { client, timestamp } = request;
    this.#used.set(client, { timestamp, tid });
    const value = new TextEncoder().encode(JSON.stringify({ timestamp, tid }));
    return [{ key: usedPrefix + client, value }];
  }
}
