import {
  type ClientId,
  clientId,
  clientPrincipal,
  sessionsPrincipal,
  type TransactionId,
  transactionId,
} from '../../vocabulary/ids.js';
import type { ActivationStatement } from '../../vocabulary/statements.js';
import type { StoredRecord } from '../effects.js';

const prefix = 'order-lane/';

type Order = Pick<ActivationStatement, 'client' | 'timestamp'>;

interface LastOrder {
  readonly number: number;
  readonly tid: TransactionId;
}

/**
 * The last order of each lane that became a transaction. An order proves itself for ever, so whoever
 * keeps one could have it carried out a second time when its transaction is forgotten; what is at or
 * below the last one of its lane therefore never becomes a transaction again. And the last one may not
 * have ended for the sessions yet, so its transaction is not forgotten before there is a next.
 *
 * Nothing is lost by that: an order is certified only once the one before it has ended.
 */
export class OrderLanes {
  readonly #last = new Map<ClientId, LastOrder>();
  readonly #persist: (key: string, value: Uint8Array) => void;

  constructor(persist: (key: string, value: Uint8Array) => void) {
    this.#persist = persist;
  }

  restore(records: readonly StoredRecord[]): void {
    for (const { key, value } of records) {
      if (!key.startsWith(prefix)) continue;
      const [number, tid = ''] = new TextDecoder().decode(value).split(' ');
      const last = { number: Number(number), tid: transactionId(tid) };
      this.#last.set(clientId(key.slice(prefix.length)), last);
    }
  }

  /** An activation was decided; of no matter which client. */
  activated(order: Order, tid: TransactionId): void {
    const { client, timestamp: number } = order;
    if (clientPrincipal(client) !== sessionsPrincipal || this.isOver(order)) return;
    this.#last.set(client, { number, tid });
    this.#persist(`${prefix}${client}`, new TextEncoder().encode(`${number} ${tid}`));
  }

  /** Whether it is an order of which the lane has had its transaction, or a later one's. */
  isOver({ client, timestamp }: Order): boolean {
    const last = this.#last.get(client);
    return last !== undefined && timestamp <= last.number;
  }

  /** Whether it is the transaction of the last order of a lane. */
  needs(tid: TransactionId): boolean {
    return [...this.#last.values()].some((last) => last.tid === tid);
  }
}
