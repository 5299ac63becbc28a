import { createHash } from 'node:crypto';
import type { Digest } from '../../kernel/ids.js';
import type { Store } from '../../kernel/store/store.js';
import type { RequestResult } from '../../service/client/poll-core.js';
import type { Ticket } from '../../service/client/request-error.js';
import type { Transfer } from '../soap.js';

/** What a request came to, for good. */
export type FrontAnswer =
  | { readonly kind: 'outcome'; readonly result: RequestResult }
  /** `too-old`: its outcome cannot be known any more. */
  | { readonly kind: 'refused' | 'too-old'; readonly reason: string };

/** A request that a caller named, and the initiators' request that it became. */
export interface FrontRequest {
  /** The caller's `Idempotency-Key` or `wsa:MessageID`. */
  readonly key: string;
  readonly caller: string;
  readonly order: Transfer;
  readonly ticket: Ticket;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
  readonly answer?: FrontAnswer;
}

export const bookLimits = {
  /** Characters of a key. */
  keyLength: 255,
  /** A request that is answered is remembered for so long. */
  keptMs: 24 * 60 * 60 * 1000,
  /** Of all callers together; a request takes about 600 bytes. */
  requests: 100_000,
  /** Of one caller. */
  requestsOfCaller: 25_000,
  /** Where its share is full, a caller's oldest gives way, but none that may still be sent again by itself. */
  youngMs: 2 * 60 * 1000,
  /** Requests without an answer: each is asked for again and again. */
  open: 512,
} as const;

const prefix = 'request/';
/** Since when nothing that was sent here has been forgotten: milliseconds since 1970, in digits. */
const completeSince = 'complete-since';

/**
 * The requests that callers named, by their keys: durable, so that a request that is sent again, as HTTP
 * libraries do when a connection breaks, is the same request also after a restart.
 */
export class RequestBook {
  readonly #store: Store;
  readonly #clock: () => number;
  readonly #requests = new Map<string, FrontRequest>();
  /** The keys of each caller, the oldest first. */
  readonly #ofCaller = new Map<string, Set<string>>();
  #open = 0;
  #completeSinceMs = Number.POSITIVE_INFINITY;

  constructor(store: Store, clock: () => number) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Reads what is on disk, and gives the requests that have no answer. */
  async load(): Promise<readonly FrontRequest[]> {
    const records = await this.#store.load(prefix);
    const requests = records.map(
      ({ value }) => JSON.parse(Buffer.from(value).toString()) as FrontRequest,
    );
    for (const request of requests.sort((a, b) => a.sinceMs - b.sinceMs)) this.#add(request);
    const [since] = await this.#store.load(completeSince);
    this.#completeSinceMs = since ? Number(Buffer.from(since.value).toString()) : this.#clock();
    if (!since) await this.#store.write([this.#completeSince]);
    return requests.filter(({ answer }) => answer === undefined);
  }

  /** A request that was sent on within so many milliseconds is here: no key from then is unknown. */
  get rememberedMs(): number {
    return Math.max(0, Math.min(bookLimits.keptMs, this.#clock() - this.#completeSinceMs));
  }

  get(key: string): FrontRequest | undefined {
    const found = this.#requests.get(key);
    return found && this.#isOver(found) ? undefined : found;
  }

  /** Whether there is room for one more of this caller; what has to give way for it, does. */
  async makeRoom(caller: string): Promise<boolean> {
    if (this.#open >= bookLimits.open) return false;
    const own = this.#ofCaller.get(caller) ?? new Set();
    const isFull = this.#requests.size >= bookLimits.requests;
    const from = own.size >= bookLimits.requestsOfCaller ? own : isFull ? this.#largest() : own;
    const mustGo = isFull || own.size >= bookLimits.requestsOfCaller;
    const gone: FrontRequest[] = [];
    for (const key of from) {
      const request = this.#requests.get(key);
      if (!request?.answer) continue;
      const isYoung = this.#clock() - request.sinceMs < bookLimits.youngMs;
      if (!this.#isOver(request) && (!mustGo || gone.length > 0 || isYoung)) break;
      gone.push(request);
    }
    for (const request of gone) this.#delete(request);
    if (gone.length === 0) return !mustGo;
    for (const request of gone) {
      if (this.#isOver(request)) continue;
      this.#completeSinceMs = Math.max(this.#completeSinceMs, request.sinceMs + 1);
    }
    const deleted = gone.map(({ key }) => ({ key: keyOf(key), value: null }));
    await this.#store.write([...deleted, this.#completeSince]);
    return true;
  }

  get #completeSince() {
    return { key: completeSince, value: Buffer.from(String(this.#completeSinceMs)) };
  }

  /** Adds a request, or its answer, once it is on disk. */
  async put(request: FrontRequest): Promise<void> {
    const value = Buffer.from(JSON.stringify(request));
    await this.#store.write([{ key: keyOf(request.key), value }]);
    this.#add(request);
  }

  #largest(): Set<string> {
    return [...this.#ofCaller.values()].reduce((a, b) => (b.size > a.size ? b : a), new Set());
  }

  #isOver({ answer, sinceMs }: FrontRequest): boolean {
    return answer !== undefined && this.#clock() - sinceMs > bookLimits.keptMs;
  }

  #add(request: FrontRequest): void {
    const before = this.#requests.get(request.key);
    if (before) this.#delete(before);
    this.#requests.set(request.key, request);
    const own = this.#ofCaller.get(request.caller) ?? new Set();
    this.#ofCaller.set(request.caller, own.add(request.key));
    if (!request.answer) this.#open += 1;
  }

  #delete({ key, caller, answer }: FrontRequest): void {
    this.#requests.delete(key);
    const own = this.#ofCaller.get(caller);
    own?.delete(key);
    if (own?.size === 0) this.#ofCaller.delete(caller);
    if (!answer) this.#open -= 1;
  }
}

/** Says whether two requests ask for the same. */
export function digestOfOrder({ debtor, creditors, currency }: Transfer): Digest {
  const content = [
    [debtor.bank, debtor.account],
    creditors.map(({ bank, account, amountMinor }) => [bank, account, amountMinor]),
    currency,
  ];
  return createHash('sha256').update(JSON.stringify(content)).digest('hex') as Digest;
}

function keyOf(key: string): string {
  return prefix + createHash('sha256').update(key).digest('hex');
}
