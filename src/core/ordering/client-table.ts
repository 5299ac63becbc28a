import { type ClientId, clientId } from '../../vocabulary/ids.js';
import type { Batch, OrderingRequest } from '../../vocabulary/ordering.js';
import { limits } from '../../wire/index.js';
import type { Reader } from '../../wire/reader.js';
import type { Writer } from '../../wire/writer.js';

/** How far a client's numbers may overtake each other. What is older counts as executed. */
export const NUMBERS_REMEMBERED = 256;
/** Clients in one generation; there are two. */
const GENERATION_MAX = 2048;

/** Numbers of one client that were executed: all so far below the highest that are remembered. */
interface ClientState {
  highest: number;
  /** Lower numbers; most clients have none. */
  lower: Set<number> | undefined;
}

/**
 * Which requests have been executed (Castro and Liskov §4.1). Part of every checkpoint. Clients are kept
 * in two generations: when the recent one is full it becomes the older one, and those that have been
 * silent for all of it are forgotten, the same at every replica.
 */
export class ClientTable {
  #recent = new Map<ClientId, ClientState>();
  #older = new Map<ClientId, ClientState>();

  has({ client, number }: Pick<OrderingRequest, 'client' | 'number'>): boolean {
    const state = this.#recent.get(client) ?? this.#older.get(client);
    if (!state) return false;
    if (number === state.highest || number <= state.highest - NUMBERS_REMEMBERED) return true;
    return state.lower?.has(number) === true;
  }

  /** The requests that are new, which from now on are not. */
  execute(batch: Batch): Batch {
    return batch.filter((request) => this.#execute(request));
  }

  write(writer: Writer): void {
    for (const generation of [this.#older, this.#recent]) {
      writer.u16(generation.size);
      for (const [client, { highest, lower }] of generation) {
        writer.text(client, limits.nameBytes);
        writer.u64(highest);
        const numbers = [...(lower ?? [])].sort((a, b) => a - b);
        writer.list(numbers, NUMBERS_REMEMBERED, (number) => writer.u64(number));
      }
    }
  }

  /** Puts what `write` wrote in place of what is known. */
  read(reader: Reader): void {
    this.#older = readGeneration(reader);
    this.#recent = readGeneration(reader);
  }

  #execute(request: OrderingRequest): boolean {
    if (this.has(request)) return false;
    const { client, number } = request;
    const state = this.#touch(client);
    if (number > state.highest) {
      const last = Math.min(state.highest, number - NUMBERS_REMEMBERED);
      for (let old = state.highest - NUMBERS_REMEMBERED + 1; old <= last; old += 1) {
        state.lower?.delete(old);
      }
      if (state.highest > number - NUMBERS_REMEMBERED && state.highest > 0) {
        this.#addLower(state, state.highest);
      }
      state.highest = number;
    } else {
      this.#addLower(state, number);
    }
    return true;
  }

  #addLower(state: ClientState, number: number): void {
    state.lower ??= new Set();
    state.lower.add(number);
  }

  /** The client's state, in the recent generation. */
  #touch(client: ClientId): ClientState {
    const recent = this.#recent.get(client);
    if (recent) return recent;
    const state = this.#older.get(client) ?? { highest: 0, lower: undefined };
    if (this.#recent.size >= GENERATION_MAX) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#older.delete(client);
    this.#recent.set(client, state);
    return state;
  }
}

function readGeneration(reader: Reader): Map<ClientId, ClientState> {
  const generation = new Map<ClientId, ClientState>();
  const count = reader.u16();
  for (let index = 0; index < count; index += 1) {
    const client = clientId(reader.text(limits.nameBytes));
    const highest = reader.u64();
    const numbers = reader.list(NUMBERS_REMEMBERED, () => reader.u64());
    const lower = numbers.length > 0 ? new Set(numbers) : undefined;
    generation.set(client, { highest, lower });
  }
  return generation;
}
