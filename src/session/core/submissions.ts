import type { ClientId } from '../../kernel/ids.js';
import type { Batch, OrderingRequest } from '../../ordering/types.js';
import { orderingRequest } from '../request.js';
import { lastOf, type SessionId } from '../types.js';
import type { HeldOperation, HeldSession } from './held.js';
import type { HeldSessions } from './held-sessions.js';
import type { SessionTable } from './machine/session-table.js';
import type { SessionOutbox } from './outbox.js';

const COMMIT = 'commit/';
const TAKEOVER = 'takeover/';

/**
 * When operations are handed to the engine: those that this replica promised when the client asks, when
 * enough wait or have waited long enough; those of others when their replica seems not to. One request of
 * a session at a time.
 */
export class Submissions {
  readonly #outbox: SessionOutbox;
  readonly #held: HeldSessions;
  readonly #table: SessionTable;
  readonly #submit: (request: OrderingRequest) => void;
  readonly #drop: (held: HeldSession) => void;
  readonly #underWay = new Map<ClientId, SessionId>();
  /** The lowest position at which half the time of a promise is over. */
  #soonest = Number.POSITIVE_INFINITY;

  /** `drop`: the order will never take what is held. */
  constructor(
    outbox: SessionOutbox,
    held: HeldSessions,
    table: SessionTable,
    submit: (request: OrderingRequest) => void,
    drop: (held: HeldSession) => void,
  ) {
    this.#outbox = outbox;
    this.#held = held;
    this.#table = table;
    this.#submit = submit;
    this.#drop = drop;
  }

  /** Operations of the session have come, or its client wants them ordered `now`. */
  consider(held: HeldSession, now: boolean): void {
    const { commitOperations, commitAfterMs, promisePositions } = this.#outbox.options;
    const open = this.#unordered(held);
    const promised = open.filter(({ receipt }) => receipt !== undefined);
    if (open.length === 0) return;
    if (promised.length === 0 && !now) return this.#watch(held, open);
    const [first] = promised;
    const deadline = first?.receipt?.statement.deadline ?? Number.POSITIVE_INFINITY;
    this.#soonest = Math.min(this.#soonest, deadline - promisePositions / 2);
    const isEnd = open.at(-1)?.operation.kind === 'end';
    if (now || isEnd || promised.length >= commitOperations) this.#handIn(held);
    else this.#outbox.ensureTimer(`${COMMIT}${held.id}`, commitAfterMs);
  }

  /** The engine has ordered these. */
  delivered(position: number, batch: Batch): void {
    for (const { client } of batch) {
      const session = this.#underWay.get(client);
      const held = session === undefined ? undefined : this.#held.get(session);
      this.#underWay.delete(client);
      if (held?.submission?.client === client) this.#over(held);
    }
    if (position < this.#soonest) return;
    this.#soonest = Number.POSITIVE_INFINITY;
    for (const held of this.#held.values()) this.consider(held, true);
  }

  /** The state has jumped: what was under way may have been ordered or not. */
  jumped(): void {
    this.#underWay.clear();
    for (const held of this.#held.values()) {
      held.submission = undefined;
      this.#again(held);
    }
  }

  refused({ client }: OrderingRequest): void {
    const session = this.#underWay.get(client);
    const held = session === undefined ? undefined : this.#held.get(session);
    this.#underWay.delete(client);
    if (held?.submission?.client !== client) return;
    held.submission = undefined;
    this.#again(held);
  }

  /** After a restart. */
  restart(): void {
    for (const held of this.#held.values()) this.consider(held, false);
  }

  /** Nothing of it is held any more. */
  forget(session: SessionId): void {
    this.#outbox.stopTimer(`${COMMIT}${session}`);
    this.#outbox.stopTimer(`${TAKEOVER}${session}`);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    const isTakeover = name.startsWith(TAKEOVER);
    if (!isTakeover && !name.startsWith(COMMIT)) return false;
    const held = this.#held.get(name.slice(name.indexOf('/') + 1) as SessionId);
    if (!held || this.#unordered(held).length === 0) return true;
    if (this.#table.isForgotten(held.id, held.header)) {
      this.#drop(held);
      return true;
    }
    if (isTakeover) this.#outbox.log('info', 'session-taken-over', { session: held.id });
    this.#handIn(held);
    if (isTakeover) this.#watch(held, this.#unordered(held));
    return true;
  }

  #unordered(held: HeldSession): readonly HeldOperation[] {
    return held.from(this.#table.get(held.id)?.next ?? 1);
  }

  /** Of those that could take over, each waits longer than the one before it. */
  #watch(held: HeldSession, [first]: readonly HeldOperation[]): void {
    const { self, resilience, takeoverAfterMs } = this.#outbox.options;
    if (!first) return;
    const rank = (self - first.from + resilience.n) % resilience.n;
    this.#outbox.ensureTimer(`${TAKEOVER}${held.id}`, takeoverAfterMs * Math.max(1, rank));
  }

  #handIn(held: HeldSession): void {
    if (held.submission) {
      held.isDue = true;
      return;
    }
    const [first] = this.#unordered(held);
    const run = first && held.runFrom(first.sequence);
    if (!run) return;
    this.#outbox.stopTimer(`${COMMIT}${held.id}`);
    const { self: submitter } = this.#outbox.options;
    const { attempt } = held;
    const request = orderingRequest({ kind: 'run', run, submitter, attempt });
    const through = lastOf(run);
    held.isDue = this.#unordered(held).some(({ sequence }) => sequence > through);
    held.attempt += 1;
    held.submission = { client: request.client, through };
    this.#underWay.set(request.client, held.id);
    this.#submit(request);
  }

  /** Its request was ordered. Where that did not bring it on, it is handed in again. */
  #over(held: HeldSession): void {
    const through = held.submission?.through ?? 0;
    held.submission = undefined;
    const [first] = this.#unordered(held);
    if (!first) return;
    if (first.sequence <= through) this.#again(held);
    else if (held.isDue) this.#handIn(held);
    else this.consider(held, false);
  }

  #again(held: HeldSession): void {
    if (this.#unordered(held).length === 0) return;
    this.#outbox.ensureTimer(`${COMMIT}${held.id}`, this.#outbox.options.resendAfterMs);
  }
}
