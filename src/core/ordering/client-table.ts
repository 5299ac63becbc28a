import { type ClientId, clientId } from '../../vocabulary/ids.js';
import type { Batch, OrderingRequest } from '../../vocabulary/ordering.js';
import { limits } from '../../wire/index.js';
import type { Reader } from '../../wire/reader.js';
import type { Writer } from '../../wire/writer.js';

/** How far a client's numbers may overtake each other. What is older counts as executed. */
export const NUMBERS_REMEMBERED = 256;
/** Clients remembered; the one that has been silent longest gives way, the same at every replica. */
const CLIENTS_MAX = 4096;

interface ClientState {
  highest: number;
  readonly executed: Set<number>;
}

/** Which requests have been executed (Castro and Liskov §4.1). Part of every checkpoint. */
export class ClientTable {
  /** In the order of their last request. */
  readonly #clients = new Map<ClientId, ClientState>();

  has({ client, number }: Pick<OrderingRequest, 'client' | 'number'>): boolean {
    const state = this.#clients.get(client);
    if (!state) return false;
    return number <= state.highest - NUMBERS_REMEMBERED || state.executed.has(number);
  }

  /** The requests that are new, which from now on are not. */
  execute(batch: Batch): Batch {
    return batch.filter((request) => this.#execute(request));
  }

  write(writer: Writer): void {
    writer.u16(this.#clients.size);
    for (const [client, { highest, executed }] of this.#clients) {
      writer.text(client, limits.nameBytes);
      writer.u64(highest);
      const numbers = [...executed].sort((a, b) => a - b);
      writer.list(numbers, NUMBERS_REMEMBERED, (number) => writer.u64(number));
    }
  }

  /** Puts what `write` wrote in place of what is known. */
  read(reader: Reader): void {
    this.#clients.clear();
    const count = reader.u16();
    for (let index = 0; index < count; index += 1) {
      const client = clientId(reader.text(limits.nameBytes));
      const highest = reader.u64();
      const executed = new Set(reader.list(NUMBERS_REMEMBERED, () => reader.u64()));
      this.#clients.set(client, { highest, executed });
    }
  }

  #execute(request: OrderingRequest): boolean {
    if (this.has(request)) return false;
    const { client, number } = request;
    const state = this.#clients.get(client) ?? { highest: 0, executed: new Set<number>() };
    state.executed.add(number);
    if (number > state.highest) {
      const last = Math.min(state.highest, number - NUMBERS_REMEMBERED);
      for (let old = state.highest - NUMBERS_REMEMBERED + 1; old <= last; old += 1) {
        state.executed.delete(old);
      }
      state.highest = number;
    }
    this.#clients.delete(client);
    this.#clients.set(client, state);
    const [silent] = this.#clients.keys();
    if (this.#clients.size > CLIENTS_MAX && silent !== undefined) this.#clients.delete(silent);
    return true;
  }
}
