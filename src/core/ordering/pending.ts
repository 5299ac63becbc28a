import type { ReplicaId } from '../../vocabulary/ids.js';
import type { Batch, OrderingRequest } from '../../vocabulary/ordering.js';

/** What waits because one replica sent it; what comes beyond is not taken. */
export const pendingLimits = { requests: 4096, bytes: 64 * 1024 * 1024 } as const;

export interface PendingRequest {
  readonly request: OrderingRequest;
  /** Which replica it came from; this one where its own application wants it. */
  readonly source: ReplicaId;
  sinceMs: number;
}

export type RequestKey = string;

export function requestKey({ client, number }: OrderingRequest): RequestKey {
  return `${client} ${number}`;
}

/**
 * Requests that are not executed yet, in the order in which they came. Two replicas may hand in different
 * payloads under one number; the first to be executed wins, so what one sends never hides another's.
 */
export class Pending {
  readonly #requests = new Map<RequestKey, PendingRequest[]>();
  readonly #used = new Map<ReplicaId, { requests: number; bytes: number }>();

  get size(): number {
    return this.#requests.size;
  }

  /** Whether it waits, whoever sent it, or because this replica did. */
  has(request: OrderingRequest, source?: ReplicaId): boolean {
    const known = this.#requests.get(requestKey(request));
    return source === undefined
      ? known !== undefined
      : known?.some((one) => one.source === source) === true;
  }

  /** False where the source has too much waiting. What is known of it is taken already. */
  add(request: OrderingRequest, source: ReplicaId, sinceMs: number): boolean {
    if (this.has(request, source)) return true;
    const used = this.#used.get(source) ?? { requests: 0, bytes: 0 };
    const bytes = used.bytes + request.payload.length;
    if (used.requests >= pendingLimits.requests || bytes > pendingLimits.bytes) return false;
    this.#used.set(source, { requests: used.requests + 1, bytes });
    const key = requestKey(request);
    const variants = this.#requests.get(key);
    if (variants) variants.push({ request, source, sinceMs });
    else this.#requests.set(key, [{ request, source, sinceMs }]);
    return true;
  }

  remove(batch: Batch): void {
    for (const request of batch) this.#remove(requestKey(request));
  }

  /** Drops what a jump of the state has shown to be executed. */
  retain(isOpen: (request: OrderingRequest) => boolean): void {
    for (const [key, [first]] of this.#requests) {
      if (first && !isOpen(first.request)) this.#remove(key);
    }
  }

  /** A new primary has its full time for each. */
  restart(nowMs: number): void {
    for (const pending of this.values()) pending.sinceMs = nowMs;
  }

  *values(): Generator<PendingRequest> {
    for (const variants of this.#requests.values()) yield* variants;
  }

  #remove(key: RequestKey): void {
    for (const { request, source } of this.#requests.get(key) ?? []) {
      const used = this.#used.get(source);
      if (!used) continue;
      used.requests -= 1;
      used.bytes -= request.payload.length;
    }
    this.#requests.delete(key);
  }
}

/** Takes requests off the list until a batch is full, by number or bytes. */
export function fillBatch(
  requests: Iterable<OrderingRequest>,
  limits: { readonly batchRequestsMax: number; readonly batchBytesMax: number },
): { readonly batch: Batch; readonly isFull: boolean } {
  const batch: OrderingRequest[] = [];
  const keys = new Set<RequestKey>();
  let bytes = 0;
  for (const request of requests) {
    if (keys.has(requestKey(request))) continue;
    bytes += request.payload.length;
    if (batch.length > 0 && bytes > limits.batchBytesMax) return { batch, isFull: true };
    keys.add(requestKey(request));
    batch.push(request);
    if (batch.length >= limits.batchRequestsMax) return { batch, isFull: true };
  }
  return { batch, isFull: bytes >= limits.batchBytesMax };
}
