import { readAll, Writer } from '../../../kernel/codec/bytes.js';
import { resendDelayMs, type StoredRecord } from '../../../kernel/core.js';
import type { Digest, ReplicaId } from '../../../kernel/ids.js';
import { readIndexes, writeIndexes } from '../../instance-codec.js';
import type { OrderingMessageOf } from '../../types.js';
import { boundOf, CLAIM_MAX, LostStoreAllowance, nonceOf } from '../lost-store.js';
import type { EzbftState } from './state.js';

const TIMER = 'lost';
const BOUND = 'lost-bound';
const RETURNED = 'returned';

export interface LostEvents {
  /** A replica has lost its store: all spaces are to be covered up to here. */
  wanted(closed: readonly number[]): void;
  /** This replica takes part again. */
  returned(): void;
}

/**
 * A replica without its store may have said something of every instance that was within its reach. It says nothing
 * until a stable checkpoint covers all of these: until then it is one of the `f`. The others, of which it hears how far
 * they are, see to that with a barrier that names them all, so that those which nobody has become no-ops.
 */
export class LostInstances {
  readonly #state: EzbftState;
  readonly #events: LostEvents;
  readonly #favours: LostStoreAllowance;
  readonly #claims = new Map<ReplicaId, readonly number[]>();
  #nonce: Digest | undefined;
  #closed: readonly number[] | undefined;
  #tries = 0;

  constructor(state: EzbftState, events: LostEvents) {
    this.#state = state;
    this.#events = events;
    this.#favours = new LostStoreAllowance(state.outbox);
  }

  restore(records: readonly StoredRecord[]): void {
    const { outbox } = this.#state;
    const hasReturned = outbox.stored(records, RETURNED).length > 0;
    this.#nonce = hasReturned ? undefined : nonceOf(records);
    this.#state.isLost = this.#nonce !== undefined;
    for (const [, bytes] of outbox.stored(records, BOUND))
      this.#closed = readAll(bytes, readIndexes);
    this.ask();
  }

  /** Asks all how far they are, and to go on past what is closed where that is known. */
  ask(): void {
    if (this.#nonce === undefined) return;
    const { outbox, options } = this.#state;
    outbox.broadcast({ kind: 'lost-instances', nonce: this.#nonce, closed: this.#closed ?? [] });
    outbox.startTimer(TIMER, resendDelayMs(options.resendAfterMs, this.#tries));
    this.#tries += 1;
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== TIMER) return false;
    this.ask();
    return true;
  }

  onLost(from: ReplicaId, { nonce, closed }: OrderingMessageOf<'lost-instances'>): void {
    const { outbox, executed, cut, isLost } = this.#state;
    // One that has lost its own store does not know how far it was.
    if (isLost) return;
    outbox.send(from, { kind: 'reach-instances', nonce, executed: [...executed] });
    const isOpen = closed.length === cut.length && !isCovered(closed, cut);
    if (isOpen && this.#favours.take(from)) this.#events.wanted(closed);
  }

  /** A peer has answered; its first answer counts. Each bound holds, so the lower one does. */
  onReach(from: ReplicaId, { nonce, executed }: OrderingMessageOf<'reach-instances'>): void {
    const { options, reach, cut, outbox } = this.#state;
    const isAnswer = nonce === this.#nonce && executed.length === cut.length;
    if (!isAnswer || this.#claims.has(from)) return;
    this.#claims.set(
      from,
      executed.map((index) => Math.min(index, CLAIM_MAX)),
    );
    const claims = [...this.#claims.values()];
    const bounds = cut.map((_, space) => {
      const claimed = claims.map((of) => of[space] ?? 0);
      const bound = boundOf(claimed, options.resilience);
      return bound === undefined
        ? undefined
        : Math.min(bound + reach, this.#closed?.[space] ?? Infinity);
    });
    if (bounds.some((bound) => bound === undefined)) return;
    const closed = bounds.map((bound) => bound ?? 0);
    const writer = new Writer();
    writeIndexes(writer, closed);
    outbox.persist(BOUND, writer.finish());
    this.#closed = closed;
    this.#tries = 0;
    this.ask();
    this.check();
  }

  /** Whether a stable checkpoint covers all that it may have said something of; on record before it says more. */
  check(): void {
    const { cut, outbox } = this.#state;
    if (this.#nonce === undefined || !this.#closed || !isCovered(this.#closed, cut)) return;
    this.#nonce = undefined;
    this.#state.isLost = false;
    outbox.stopTimer(TIMER);
    outbox.persist(RETURNED, Uint8Array.of(1));
    outbox.log('warn', 'returned-without-store', { closed: this.#closed });
    this.#events.returned();
  }
}

function isCovered(closed: readonly number[], cut: readonly number[]): boolean {
  return closed.every((index, space) => index <= (cut[space] ?? 0));
}
