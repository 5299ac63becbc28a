import { hash } from 'node:crypto';
import { addressingFaults, securityFaults } from './faults.js';

/** Bounds of a replay cache. */
export interface ReplayLimits {
  /** Messages remembered of one principal at a time. */
  readonly share: number;
  /** Principals remembered at a time. */
  readonly principals: number;
}

const defaultLimits: ReplayLimits = { share: 262_144, principals: 1024 };

/** Messages that run out within the same so many milliseconds are forgotten together. */
const bucketMs = 10_000;

/**
 * The messages seen, so that each is taken once. A message is remembered until its time has run out,
 * after which it is refused for that. Every principal has a share of its own, so that one that sends
 * too much is refused and the others do not notice.
 */
export class ReplayCache {
  readonly #shares = new Map<string, Share>();
  readonly #limits: ReplayLimits;

  constructor(limits: Partial<ReplayLimits> = {}) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /**
   * Remembers the identity `message` of a principal's message until `keepUntilMs`. Throws `wsse:InvalidSecurity`
   * where it was seen before, `wsa:EndpointUnavailable` where the principal's share is full.
   */
  admit(principal: string, message: string, keepUntilMs: number, nowMs: number): void {
    const key = fingerprint(message);
    const share = this.#shares.get(principal) ?? this.#addShare(principal, nowMs);
    share.forget(nowMs);
    if (share.has(key)) throw replayed();
    if (share.size >= this.#limits.share) {
      throw addressingFaults.endpointUnavailable(`${principal} sends more than its share`);
    }
    share.add(key, keepUntilMs);
  }

  /** Throws `wsse:InvalidSecurity` where the message is remembered. Remembers nothing. */
  refuseSeen(principal: string, message: string): void {
    if (this.#shares.get(principal)?.has(fingerprint(message))) throw replayed();
  }

  #addShare(principal: string, nowMs: number): Share {
    if (this.#shares.size >= this.#limits.principals) this.#dropEmpty(nowMs);
    if (this.#shares.size >= this.#limits.principals) {
      throw addressingFaults.endpointUnavailable('too many principals');
    }
    const share = new Share();
    this.#shares.set(principal, share);
    return share;
  }

  #dropEmpty(nowMs: number): void {
    for (const [principal, share] of this.#shares) {
      share.forget(nowMs);
      if (share.size === 0) this.#shares.delete(principal);
    }
  }
}

function replayed(): Error {
  return securityFaults.invalidSecurity('replayed message');
}

/** 128 bits: a short key of its own, which does not keep the message's text alive. */
function fingerprint(message: string): string {
  return hash('sha256', message, 'buffer').toString('latin1', 0, 16);
}

class Share {
  readonly #keys = new Set<string>();
  readonly #buckets = new Map<number, string[]>();
  #lastForgotten = -1;

  get size(): number {
    return this.#keys.size;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  add(key: string, keepUntilMs: number): void {
    this.#keys.add(key);
    const bucket = Math.ceil(keepUntilMs / bucketMs);
    const keys = this.#buckets.get(bucket);
    if (keys === undefined) this.#buckets.set(bucket, [key]);
    else keys.push(key);
  }

  /** Forgets what has run out; looks only once per bucket's time. */
  forget(nowMs: number): void {
    const current = Math.floor(nowMs / bucketMs);
    if (current === this.#lastForgotten) return;
    this.#lastForgotten = current;
    for (const [bucket, keys] of this.#buckets) {
      if (bucket * bucketMs >= nowMs) continue;
      for (const key of keys) this.#keys.delete(key);
      this.#buckets.delete(bucket);
    }
  }
}
