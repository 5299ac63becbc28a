import {
  type ClientId,
  clientId,
  clientPrincipal,
  sessionsPrincipal,
} from '../../vocabulary/ids.js';
import type { ActivationStatement } from '../../vocabulary/statements.js';
import type { StoredRecord } from '../effects.js';

const prefix = 'order-lane/';

type Order = Pick<ActivationStatement, 'client' | 'timestamp'>;

/**
 * The last order of each lane that became a transaction. An order proves itself for ever, so whoever
 * keeps one could have it carried out a second time when its transaction is forgotten; what is at or
 * below the last one of its lane therefore never becomes a transaction again.
 *
 * Nothing is lost by that: an order is certified only once the one before it has ended.
 */
export class OrderLanes {
  readonly #last = new Map<ClientId, number>();
  readonly #persist: (key: string, value: Uint8Array) => void;

  constructor(persist: (key: string, value: Uint8Array) => void) {
    this.#persist = persist;
  }

  restore(records: readonly StoredRecord[]): void {
    for (const { key, value } of records) {
      if (!key.startsWith(prefix)) continue;
      const number = Number(new TextDecoder().decode(value));
      this.#last.set(clientId(key.slice(prefix.length)), number);
    }
  }

  /** An activation was decided; of no matter which client. */
  activated({ client, timestamp }: Order): void {
    if (clientPrincipal(client) !== sessionsPrincipal || !this.#isNew(client, timestamp)) return;
    this.#last.set(client, timestamp);
    this.#persist(`${prefix}${client}`, new TextEncoder().encode(String(timestamp)));
  }

  /** Whether it is an order of which the lane has had its transaction, or a later one's. */
  isOver({ client, timestamp }: Order): boolean {
    return !this.#isNew(client, timestamp);
  }

  #isNew(client: ClientId, timestamp: number): boolean {
    const last = this.#last.get(client);
    return last === undefined || timestamp > last;
  }
}
