import type { ClientId, ReplicaId } from '../../../kernel/ids.js';
import { digestOfBatch } from '../../check-message.js';
import { orderingLimits } from '../../fields.js';
import { digestOfTouched } from '../../touched-codec.js';
import type {
  Batch,
  Dependencies,
  Instance,
  InstanceValue,
  OrderingRequest,
  Touched,
} from '../../types.js';
import type { StateMachine } from '../engine.js';
import { keyOf } from './execution.js';

/** Requests of one batch where the application is asked of each pair of two batches' requests. */
export const pairedRequestsMax = 128;

/** Of a client's name, or of a key, besides its text: its length. And of a request's, so of its payload's. */
const ITEM_BYTES = 16;

/** The application's judgement of requests. */
export class Judge {
  readonly #machine: Pick<StateMachine, 'interferes' | 'keysOf'>;
  /** Forgotten with the batch. */
  readonly #touched = new WeakMap<Batch, Touched>();

  constructor(machine: Pick<StateMachine, 'interferes' | 'keysOf'>) {
    this.#machine = machine;
  }

  /** Requests of one batch, at every replica of the application's. */
  get requestsMax(): number {
    return this.#machine.keysOf ? orderingLimits.batchRequests : pairedRequestsMax;
  }

  touchedBy(batch: Batch): Touched {
    const known = this.#touched.get(batch);
    if (known) return known;
    const keys = new Set<string>();
    for (const request of batch) {
      for (const key of this.#keysOf(request)) keys.add(wellFormed(key));
    }
    const touched = {
      isBarrier: batch.length === 0,
      clients: [...new Set(batch.map(({ client }) => client))],
      keys: [...keys],
      asked: this.#machine.keysOf ? [] : batch,
    };
    this.#touched.set(batch, touched);
    return touched;
  }

  /** In one order at all replicas, whatever order the application gives them in. */
  #keysOf(request: OrderingRequest): readonly string[] {
    const keys = this.#machine.keysOf?.(request) ?? [];
    return keys.length > 1 ? [...keys].sort() : keys;
  }

  /** What a replica that has the batch names of it. */
  valueOf(batch: Batch, deps: Dependencies): InstanceValue {
    return { digest: digestOfBatch(batch), touched: digestOfTouched(this.touchedBy(batch)), deps };
  }

  /** Whether it says of the batch what the value does. */
  touches(batch: Batch, { touched }: InstanceValue): boolean {
    return digestOfTouched(this.touchedBy(batch)) === touched;
  }

  /** Bytes of what is kept of a request once it is settled, at the most. */
  keptBytesOf(request: OrderingRequest): number {
    const { client, payload } = request;
    const keys = this.#machine.keysOf?.(request);
    const others = keys ?? [client];
    const bytes = others.reduce((sum, text) => sum + ITEM_BYTES + Buffer.byteLength(text), 0);
    return ITEM_BYTES + client.length + bytes + (keys ? 0 : payload.length);
  }

  hasPair(some: Batch, others: Batch): boolean {
    return some.some((one) => others.some((other) => this.#machine.interferes(one, other)));
  }
}

/**
 * Which batches must be executed in one order everywhere (Arun and others §III). One client's requests always
 * interfere, so that what is executed once is the same everywhere; and a barrier, which has none, interferes with all.
 *
 * Instances are found by the clients of their batches, and by the keys that these touch where the application gives
 * such. Where it does not, it is asked of each pair of requests.
 */
export class Interference {
  readonly #judge: Judge;
  readonly #touched = new Map<string, Touched[]>();
  readonly #all = new Places();
  readonly #barriers = new Places();
  readonly #byClient = new Map<ClientId, Places>();
  readonly #byKey = new Map<string, Places>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  /** The instance has, or may have, a batch that touches this; a no-op has none. Two batches of one may be known. */
  add(instance: Instance, touched: Touched | null): void {
    this.#all.add(instance);
    if (!touched) return;
    const key = keyOf(instance);
    const known = this.#touched.get(key) ?? [];
    if (known.includes(touched)) return;
    this.#touched.set(key, [...known, touched]);
    if (touched.isBarrier) this.#barriers.add(instance);
    for (const client of touched.clients) placesIn(this.#byClient, client).add(instance);
    for (const one of touched.keys) placesIn(this.#byKey, one).add(instance);
  }

  remove(instance: Instance): void {
    this.#all.remove(instance);
    this.#barriers.remove(instance);
    for (const { clients, keys } of this.#touched.get(keyOf(instance)) ?? []) {
      for (const client of clients) removeFrom(this.#byClient, client, instance);
      for (const one of keys) removeFrom(this.#byKey, one, instance);
    }
    this.#touched.delete(keyOf(instance));
  }

  /** By space: the last instance after these that interferes with what touches this, of those that count. */
  lastWith(
    { isBarrier, clients, keys, asked }: Touched,
    after: Dependencies,
    counts: (instance: Instance) => boolean = () => true,
  ): Dependencies {
    const last = [...after];
    (isBarrier ? this.#all : this.#barriers).raise(last, counts);
    for (const client of clients) this.#byClient.get(client)?.raise(last, counts);
    for (const key of keys) this.#byKey.get(key)?.raise(last, counts);
    if (asked.length > 0) {
      this.#all.raise(last, (one) => counts(one) && this.#isPaired(one, asked));
    }
    return last;
  }

  #isPaired(instance: Instance, asked: Batch): boolean {
    const known = this.#touched.get(keyOf(instance)) ?? [];
    return known.some((one) => this.#judge.hasPair(one.asked, asked));
  }
}

/** Instances by space, in their order. */
class Places {
  readonly #bySpace = new Map<ReplicaId, number[]>();

  get isEmpty(): boolean {
    return this.#bySpace.size === 0;
  }

  add({ space, index }: Instance): void {
    const known = this.#bySpace.get(space);
    if (!known) {
      this.#bySpace.set(space, [index]);
      return;
    }
    let at = known.length;
    while (at > 0 && (known[at - 1] ?? 0) > index) at -= 1;
    if (known[at - 1] !== index) known.splice(at, 0, index);
  }

  remove({ space, index }: Instance): void {
    const known = this.#bySpace.get(space);
    const at = known?.indexOf(index) ?? -1;
    if (at >= 0) known?.splice(at, 1);
    if (known?.length === 0) this.#bySpace.delete(space);
  }

  /** Puts the last of them that counts in the place of what comes before it. */
  raise(last: number[], counts: (instance: Instance) => boolean): void {
    for (const [space, indexes] of this.#bySpace) {
      const least = last[space] ?? 0;
      for (let at = indexes.length - 1; at >= 0; at -= 1) {
        const index = indexes[at] ?? 0;
        if (index <= least) break;
        if (!counts({ space, index })) continue;
        last[space] = index;
        break;
      }
    }
  }
}

/** As it comes back from a disk: halves of a character do not. */
function wellFormed(key: string): string {
  return /[\ud800-\udfff]/.test(key) ? Buffer.from(key).toString() : key;
}

function placesIn<Key>(map: Map<Key, Places>, key: Key): Places {
  const known = map.get(key);
  if (known) return known;
  const places = new Places();
  map.set(key, places);
  return places;
}

function removeFrom<Key>(map: Map<Key, Places>, key: Key, instance: Instance): void {
  const places = map.get(key);
  places?.remove(instance);
  if (places?.isEmpty) map.delete(key);
}
