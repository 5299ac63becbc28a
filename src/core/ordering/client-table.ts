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
  /** Of the numbers that are remembered below the highest, those that were executed; often there are none. */
  lower: NumberWindow | undefined;
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
    return number < state.highest && state.lower?.has(number) === true;
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
        writer.flag(lower !== undefined);
        lower?.write(writer);
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
      const { highest } = state;
      if (highest === 0 || number - highest >= NUMBERS_REMEMBERED) {
        state.lower = undefined;
      } else {
        state.lower ??= new NumberWindow();
        state.lower.clear(highest, number);
        state.lower.add(highest);
      }
      state.highest = number;
    } else {
      state.lower ??= new NumberWindow();
      state.lower.add(number);
    }
    return true;
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
    const lower = reader.flag() ? NumberWindow.read(reader) : undefined;
    generation.set(client, { highest, lower });
  }
  return generation;
}

/**
 * A set of numbers that lie within `NUMBERS_REMEMBERED` of each other: a bit for each, in a ring. Small,
 * and written as it is, since all clients are in every checkpoint.
 */
class NumberWindow {
  readonly #bits: Uint8Array;

  constructor(bits = new Uint8Array(NUMBERS_REMEMBERED / 8)) {
    this.#bits = bits;
  }

  static read(reader: Reader): NumberWindow {
    return new NumberWindow(reader.raw(NUMBERS_REMEMBERED / 8).slice());
  }

  write(writer: Writer): void {
    writer.raw(this.#bits);
  }

  has(number: number): boolean {
    const place = number % NUMBERS_REMEMBERED;
    return ((this.#bits[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
  }

  add(number: number): void {
    const place = number % NUMBERS_REMEMBERED;
    this.#bits[place >> 3] = (this.#bits[place >> 3] ?? 0) | (1 << (place & 7));
  }

  /** Makes room for the numbers after `from` up to `to`, fewer than fit: what had their places is forgotten. */
  clear(from: number, to: number): void {
    for (let number = from + 1; number <= to; number += 1) {
      const place = number % NUMBERS_REMEMBERED;
      this.#bits[place >> 3] = (this.#bits[place >> 3] ?? 0) & ~(1 << (place & 7));
    }
  }
}
