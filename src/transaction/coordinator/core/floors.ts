import type { FloorProof } from '../../../agreement/messages.js';
import type { ActivationStatement } from '../../../agreement/statements.js';
import { decodeRequests, encodeRequests } from '../../../agreement/values.js';
import { invariant, type StoredRecord } from '../../../kernel/core.js';
import {
  type ClientId,
  type ClusterId,
  clientPrincipal,
  requesterOf,
  unreachable,
} from '../../../kernel/ids.js';
import { floorKey, isFloorKey } from './keys.js';

/**
 * The transactions on record by what activated them, and for each client the *floor*: the highest
 * timestamp of a transaction that this replica has forgotten. A replica that takes part in nothing at or
 * below the floor that is not on record decides nothing again that it has forgotten. Memory grows with the
 * clients and their lanes, not with the transactions.
 *
 * An order of sessions is activated by its lane and its number. The last one of a lane may not have ended
 * for the sessions yet, so the replica keeps it until there is a next.
 */
export class Floors {
  /** The requests that show each floor, and bear its timestamp. */
  readonly #floors = new Map<ClientId, FloorProof>();
  /** The timestamps of what is on record. */
  readonly #recorded = new Map<ClientId, Set<number>>();
  /** The number of each lane's last order on record. */
  readonly #lastOrders = new Map<ClientId, number>();
  /** How many client ids of each principal have a floor. */
  readonly #lanes = new Map<string, number>();
  readonly #cluster: ClusterId;
  readonly #persist: (key: string, value: Uint8Array) => void;

  constructor(cluster: ClusterId, persist: (key: string, value: Uint8Array) => void) {
    this.#cluster = cluster;
    this.#persist = persist;
  }

  restore(records: readonly StoredRecord[]): void {
    for (const { key, value } of records) {
      if (!isFloorKey(key)) continue;
      const proof = decodeRequests(this.#cluster, value);
      invariant(key === keyOf(proof), `${key} holds what shows that floor`);
      this.#set(proof);
    }
  }

  /** Lanes of the client's principal that have a floor. */
  lanesOf(client: ClientId): number {
    return this.#lanes.get(clientPrincipal(client)) ?? 0;
  }

  has(client: ClientId): boolean {
    return this.#floors.has(client) || this.#recorded.has(client);
  }

  /** Whether this replica has forgotten the activation, or must act as if it had. */
  isForgotten({ client, timestamp }: ActivationStatement): boolean {
    if (timestamp > this.#floorOf(client)) return false;
    return this.#recorded.get(client)?.has(timestamp) !== true;
  }

  /** The transaction is on record now. */
  activated({ client, timestamp }: ActivationStatement): void {
    const recorded = this.#recorded.get(client) ?? new Set<number>();
    invariant(!recorded.has(timestamp), 'a client has one transaction for a timestamp');
    this.#recorded.set(client, recorded.add(timestamp));
    const { kind } = requesterOf(client);
    switch (kind) {
      case 'client':
        return;
      case 'sessions': {
        const last = this.#lastOrders.get(client) ?? -1;
        return void this.#lastOrders.set(client, Math.max(timestamp, last));
      }
      default:
        return unreachable(kind);
    }
  }

  /** The floor is on disk before the record goes. */
  forget(requests: FloorProof): void {
    const { client, timestamp } = namedBy(requests);
    const recorded = this.#recorded.get(client);
    recorded?.delete(timestamp);
    if (recorded?.size === 0) this.#recorded.delete(client);
    if (this.#lastOrders.get(client) === timestamp) this.#findLastOrder(client);
    this.raise(requests);
  }

  /** Takes a floor that is higher than this replica's own, of its own or of a peer. Floors only rise. */
  raise(proof: FloorProof): void {
    const { client, timestamp } = namedBy(proof);
    if (timestamp <= this.#floorOf(client)) return;
    this.#set(proof);
    this.#persist(keyOf(proof), encodeRequests(proof));
  }

  /** What shows each floor, in the order of the clients' ids. */
  proofs(): FloorProof[] {
    return [...this.#floors].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, proof]) => proof);
  }

  #set(proof: FloorProof): void {
    const { client, timestamp } = namedBy(proof);
    invariant(timestamp > this.#floorOf(client), 'floors only rise');
    if (!this.#floors.has(client)) {
      this.#lanes.set(clientPrincipal(client), this.lanesOf(client) + 1);
    }
    this.#floors.set(client, proof);
  }

  /** -1 where there is none. */
  #floorOf(client: ClientId): number {
    const proof = this.#floors.get(client);
    return proof ? namedBy(proof).timestamp : -1;
  }

  /** Whether it is the last order of a lane. */
  isLastOrder({ client, timestamp }: ActivationStatement): boolean {
    return this.#lastOrders.get(client) === timestamp;
  }

  /** The last one has gone, since the others had forgotten it: rare enough to look through the lane. */
  #findLastOrder(client: ClientId): void {
    const recorded = this.#recorded.get(client);
    if (recorded) this.#lastOrders.set(client, Math.max(...recorded));
    else this.#lastOrders.delete(client);
  }
}

/** The client and the timestamp that the requests bear alike. */
export function namedBy([request]: FloorProof): ActivationStatement {
  if (!request) throw new TypeError('a floor without a request');
  return request.statement;
}

function keyOf(proof: FloorProof): string {
  return floorKey(namedBy(proof).client);
}
