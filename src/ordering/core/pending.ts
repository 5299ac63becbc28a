import type { ClientId, ReplicaId } from '../../kernel/ids.js';
import { orderingLimits } from '../fields.js';
import type { Batch, OrderingRequest } from '../types.js';

/** What waits because one replica sent it; what comes beyond is not taken. */
export const pendingLimits = { requests: 4096, bytes: 64 * 1024 * 1024 } as const;

export interface BatchLimits {
  readonly batchRequestsMax: number;
  readonly batchBytesMax: number;
}

export interface PendingRequest {
  readonly request: OrderingRequest;
  /** Which replica it came from; this one where its own application wants it. */
  readonly source: ReplicaId;
  sinceMs: number;
}

/** Whether it is longer than any batch. */
export function isTooLong({ payload }: OrderingRequest): boolean {
  return payload.length > orderingLimits.payloadBytes;
}

/** One client's number. Two replicas may hand in different payloads under it. */
type Variants = [PendingRequest, ...PendingRequest[]];

/**
 * Requests that are not executed yet, in the order in which they came, and which of them wait to be
 * proposed. Two replicas may hand in different payloads under one number; the first to be executed wins,
 * so what one sends never hides another's.
 */
export class Pending {
  readonly #requests = new Set<Variants>();
  /** The same, by client and number; most clients have one number at a time, which needs no map of its own. */
  readonly #byClient = new Map<ClientId, Variants | Map<number, Variants>>();
  readonly #used = new Map<ReplicaId, { requests: number; bytes: number }>();
  /** Not proposed yet; and those whose proposal came to nothing, which go first. */
  readonly #waiting = new Set<Variants>();
  readonly #returned = new Set<Variants>();
  #waitingBytes = 0;

  get size(): number {
    return this.#requests.size;
  }

  /** Requests that wait to be proposed. */
  get waiting(): number {
    return this.#waiting.size + this.#returned.size;
  }

  /** Whether it waits, whoever sent it, or because this replica did. */
  has(request: OrderingRequest, source?: ReplicaId): boolean {
    const known = this.#find(request);
    return source === undefined
      ? known !== undefined
      : known?.some((one) => one.source === source) === true;
  }

  get(request: OrderingRequest): PendingRequest | undefined {
    return this.#find(request)?.[0];
  }

  /** False where the source has too much waiting. What is known of it is taken already. */
  add(request: OrderingRequest, source: ReplicaId, sinceMs: number): boolean {
    const variants = this.#find(request);
    if (variants?.some((one) => one.source === source)) return true;
    const used = this.#usedBy(source);
    const bytes = used.bytes + request.payload.length;
    if (used.requests >= pendingLimits.requests || bytes > pendingLimits.bytes) return false;
    used.requests += 1;
    used.bytes = bytes;
    if (variants) {
      variants.push({ request, source, sinceMs });
    } else {
      const fresh: Variants = [{ request, source, sinceMs }];
      this.#requests.add(fresh);
      this.#note(fresh);
      this.#wait(this.#waiting, fresh);
    }
    return true;
  }

  /** Whether what waits to be proposed fills a batch, by number or bytes. */
  fillsBatch({ batchRequestsMax, batchBytesMax }: BatchLimits): boolean {
    return this.waiting >= batchRequestsMax || this.#waitingBytes >= batchBytesMax;
  }

  /** The next batch, of what may be proposed. It waits no longer, unless it is put back. */
  take(limits: BatchLimits, mayPropose: (request: OrderingRequest) => boolean = () => true): Batch {
    const batch: OrderingRequest[] = [];
    let bytes = 0;
    for (const queue of [this.#returned, this.#waiting]) {
      for (const variants of queue) {
        if (batch.length >= limits.batchRequestsMax) return batch;
        const chosen = variants.find(({ request }) => mayPropose(request));
        if (!chosen) continue;
        bytes += chosen.request.payload.length;
        if (batch.length > 0 && bytes > limits.batchBytesMax) return batch;
        batch.push(chosen.request);
        this.#unwait(variants);
      }
    }
    return batch;
  }

  /** These are proposed: they do not wait to be. */
  claim(batch: Batch): void {
    for (const request of batch) {
      const variants = this.#find(request);
      if (variants) this.#unwait(variants);
    }
  }

  /** These were proposed in vain: what is not executed waits again, before what never was. */
  putBack(batch: Batch): void {
    for (const request of batch) {
      const variants = this.#find(request);
      if (variants && !this.#waiting.has(variants)) this.#wait(this.#returned, variants);
    }
  }

  /** A new primary: all wait, and it has its full time for each. */
  restart(nowMs: number): void {
    this.#waiting.clear();
    this.#returned.clear();
    this.#waitingBytes = 0;
    for (const variants of this.#requests) {
      for (const pending of variants) pending.sinceMs = nowMs;
      this.#wait(this.#waiting, variants);
    }
  }

  /** These are executed, and so, as a client's numbers are remembered so far only, may older ones of the same clients be. */
  remove(batch: Batch, isExecuted: (request: OrderingRequest) => boolean): void {
    const others = new Set<ClientId>();
    for (const request of batch) {
      this.#remove(this.#find(request));
      if (this.#byClient.has(request.client)) others.add(request.client);
    }
    for (const client of others) {
      const known = this.#byClient.get(client);
      const all = known instanceof Map ? [...known.values()] : known ? [known] : [];
      for (const variants of all) if (isExecuted(variants[0].request)) this.#remove(variants);
    }
  }

  /** Drops what a jump of the state has shown to be executed. */
  retain(isOpen: (request: OrderingRequest) => boolean): void {
    for (const variants of this.#requests) {
      if (!isOpen(variants[0].request)) this.#remove(variants);
    }
  }

  /** So many requests, of those that are chosen. */
  first(count: number, isChosen: (pending: PendingRequest) => boolean): readonly OrderingRequest[] {
    const requests: OrderingRequest[] = [];
    for (const pending of this.values()) {
      if (requests.length >= count) break;
      if (isChosen(pending)) requests.push(pending.request);
    }
    return requests;
  }

  *values(): Generator<PendingRequest> {
    for (const variants of this.#requests) yield* variants;
  }

  #find({ client, number }: OrderingRequest): Variants | undefined {
    const known = this.#byClient.get(client);
    if (known instanceof Map) return known.get(number);
    return known?.[0].request.number === number ? known : undefined;
  }

  #note(variants: Variants): void {
    const { client, number } = variants[0].request;
    const known = this.#byClient.get(client);
    if (known instanceof Map) known.set(number, variants);
    else if (known === undefined) this.#byClient.set(client, variants);
    else {
      const other = known[0].request.number;
      this.#byClient.set(
        client,
        new Map([
          [other, known],
          [number, variants],
        ]),
      );
    }
  }

  #forget({ client, number }: OrderingRequest): void {
    const known = this.#byClient.get(client);
    if (known instanceof Map) {
      known.delete(number);
      if (known.size > 0) return;
    }
    this.#byClient.delete(client);
  }

  #remove(variants: Variants | undefined): void {
    if (!variants) return;
    for (const { request, source } of variants) {
      const used = this.#usedBy(source);
      used.requests -= 1;
      used.bytes -= request.payload.length;
    }
    this.#unwait(variants);
    this.#requests.delete(variants);
    this.#forget(variants[0].request);
  }

  #usedBy(source: ReplicaId): { requests: number; bytes: number } {
    const known = this.#used.get(source);
    if (known) return known;
    const used = { requests: 0, bytes: 0 };
    this.#used.set(source, used);
    return used;
  }

  #wait(queue: Set<Variants>, variants: Variants): void {
    if (queue.has(variants)) return;
    queue.add(variants);
    this.#waitingBytes += bytesOf(variants);
  }

  #unwait(variants: Variants): void {
    const waited = this.#waiting.delete(variants) || this.#returned.delete(variants);
    if (waited) this.#waitingBytes -= bytesOf(variants);
  }
}

/** Requests in batches of no more than the limits allow. */
export function* inBatches(
  requests: readonly OrderingRequest[],
  { batchRequestsMax, batchBytesMax }: BatchLimits,
): Generator<Batch> {
  let batch: OrderingRequest[] = [];
  let bytes = 0;
  for (const request of requests) {
    bytes += request.payload.length;
    if (batch.length > 0 && (batch.length >= batchRequestsMax || bytes > batchBytesMax)) {
      yield batch;
      batch = [];
      bytes = request.payload.length;
    }
    batch.push(request);
  }
  if (batch.length > 0) yield batch;
}

/** What counts of a request that waits: its first payload. */
function bytesOf([first]: Variants): number {
  return first.request.payload.length;
}
