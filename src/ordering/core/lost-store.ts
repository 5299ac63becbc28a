import { readAll, Writer } from '../../kernel/codec/bytes.js';
import { resendDelayMs, type StoredRecord } from '../../kernel/core.js';
import {
  type Digest,
  quorum,
  type ReplicaId,
  type Resilience,
  type View,
} from '../../kernel/ids.js';
import type { OrderingMessageOf } from '../types.js';
import type { Outbox } from './outbox.js';

const TIMER = 'lost';
const BOUND = 'lost-bound';
const RETURNED = 'returned';
/** Of what a peer claims; no replica gets so far, and what is added to it stays a whole number. */
export const CLAIM_MAX = 2 ** 48;
/** The record in a store that took the place of a lost one; all parts of the replica read it. */
const LOST = 'lost';

/** What is in a store that takes the place of a lost one. The nonce was drawn for it and is used once. */
export function lostStoreRecord(nonce: Digest): StoredRecord {
  return { key: LOST, value: new TextEncoder().encode(nonce) };
}

/** The nonce of a store that took the place of a lost one. */
export function nonceOf(records: readonly StoredRecord[]): Digest | undefined {
  const record = records.find(({ key }) => key === LOST);
  return record && (new TextDecoder().decode(record.value) as Digest);
}

/**
 * A number that is at or above what at least `quorum - f` correct others had come to before any of these
 * answers: all but `f` of a quorum, that is this replica and `f - 1` more of the faulty. Those that have not
 * answered may be among them, so of `m` answers the `(quorum - f - (n - 1 - m))`-th highest is taken. More
 * answers never raise it. Once all correct have answered, so many are at least as high that one correct
 * replica is: liars cannot push it away. `undefined` while too few have answered.
 */
export function boundOf(claims: readonly number[], { n, f }: Resilience): number | undefined {
  const missing = n - 1 - claims.length;
  const rank = quorum({ n, f }) - f - missing;
  if (f < 1 || rank < 1) return undefined;
  return [...claims].sort((a, b) => b - a)[rank - 1];
}

/** Up to where a replica that has lost its store may have signed something. */
export interface LostBound {
  readonly view: number;
  readonly position: number;
}

/**
 * One protocol instance of a replica whose store was lost. It signs nothing until the others have passed
 * everything that it may have signed before, and it has what they came to. Until then it is one of the `f`.
 */
export class LostStore {
  readonly #outbox: Outbox;
  /** What an answer says of where this replica was; what it may have signed is so much further on. */
  readonly #boundFor: (reached: LostBound) => LostBound;
  readonly #claims = new Map<ReplicaId, LostBound>();
  #nonce: Digest | undefined;
  #hasLost = false;
  #bound: LostBound | undefined;
  #tries = 0;

  constructor(outbox: Outbox, boundFor: (reached: LostBound) => LostBound) {
    this.#outbox = outbox;
    this.#boundFor = boundFor;
  }

  /** Whether this replica may sign nothing here yet. */
  get isLost(): boolean {
    return this.#nonce !== undefined;
  }

  /** See `OrderingEngine`. */
  get forgottenThrough(): number | undefined {
    if (!this.#hasLost) return undefined;
    return this.#bound?.position ?? Number.POSITIVE_INFINITY;
  }

  /** `undefined` while too few have answered. */
  get bound(): LostBound | undefined {
    return this.#bound;
  }

  restore(records: readonly StoredRecord[]): void {
    const hasReturned = this.#outbox.stored(records, RETURNED).length > 0;
    const nonce = nonceOf(records);
    this.#hasLost = nonce !== undefined;
    this.#nonce = hasReturned ? undefined : nonce;
    for (const [, bytes] of this.#outbox.stored(records, BOUND)) {
      this.#bound = readAll(bytes, (reader) => ({ view: reader.u64(), position: reader.u64() }));
    }
    this.ask();
  }

  /** Asks all how far they are, and to go on past the bound where there is one. */
  ask(): void {
    if (this.#nonce === undefined) return;
    const { view = 0, position = 0 } = this.#bound ?? {};
    this.#outbox.broadcast({ kind: 'lost', nonce: this.#nonce, view: view as View, position });
    const { resendAfterMs } = this.#outbox.options;
    this.#outbox.startTimer(TIMER, resendDelayMs(resendAfterMs, this.#tries));
    this.#tries += 1;
  }

  /** A peer has answered; its first answer counts. Returns whether the bound is another now. */
  onReach(from: ReplicaId, { nonce, view, position }: OrderingMessageOf<'reach'>): boolean {
    if (nonce !== this.#nonce || this.#claims.has(from)) return false;
    this.#claims.set(from, {
      view: Math.min(view, CLAIM_MAX),
      position: Math.min(position, CLAIM_MAX),
    });
    const { resilience } = this.#outbox.options;
    const claims = [...this.#claims.values()];
    const reached = {
      view: boundOf(
        claims.map((claim) => claim.view),
        resilience,
      ),
      position: boundOf(
        claims.map((claim) => claim.position),
        resilience,
      ),
    };
    if (reached.view === undefined || reached.position === undefined) return false;
    return this.#learn(this.#boundFor({ view: reached.view, position: reached.position }));
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== TIMER) return false;
    this.ask();
    return true;
  }

  /** This replica takes part again; on record before it signs anything. */
  end(): void {
    const { view, position } = this.#bound ?? {};
    this.#nonce = undefined;
    this.#outbox.stopTimer(TIMER);
    this.#outbox.persist(RETURNED, Uint8Array.of(1));
    this.#outbox.log('warn', 'returned-without-store', { view, position });
  }

  /** Each bound holds, so the lower one does. */
  #learn(bound: LostBound): boolean {
    const known = this.#bound;
    const view = Math.min(bound.view, known?.view ?? bound.view);
    const position = Math.min(bound.position, known?.position ?? bound.position);
    if (view === known?.view && position === known.position) return false;
    this.#bound = { view, position };
    const writer = new Writer();
    writer.u64(view);
    writer.u64(position);
    this.#outbox.persist(BOUND, writer.finish());
    this.#tries = 0;
    this.ask();
    return true;
  }
}

/** What one replica is done in `favourWindowMs`: two views and two tries more are what a lost store takes. */
const favoursMax = 4;
const favourWindowMs = 60_000;

/**
 * What a replica that says that it has lost its store costs the others: a liar can say so again and again, so
 * each has a few favours a minute.
 */
export class LostStoreAllowance {
  readonly #outbox: Outbox;
  /** When each was done one, of late. */
  readonly #done = new Map<ReplicaId, number[]>();

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  /** Whether this replica is done one now; it counts then. */
  take(replica: ReplicaId): boolean {
    const { nowMs } = this.#outbox;
    const done = (this.#done.get(replica) ?? []).filter((atMs) => nowMs - atMs < favourWindowMs);
    this.#done.set(replica, done);
    if (done.length >= favoursMax) return false;
    done.push(nowMs);
    return true;
  }
}
