import { invariant } from '../../../kernel/core.js';
import type { Digest, ReplicaId } from '../../../kernel/ids.js';
import { type Signed, signatureOf } from '../../../kernel/signed.js';
import type { Batch, Dependencies, OrderingMessageOf, SpecOrder, SpecReply } from '../../types.js';
import { union } from './deciding.js';
import { Patience } from './patience.js';
import type { EzbftState, InstanceEntry } from './state.js';

const SLOW = 'slow';
/** Of the time of a retransmission: how long replies may be missing before those at hand settle an instance. */
const SLOW_PART = 1 / 4;

export interface ReplyingEvents {
  decided(): void;
  /** Enough replies to settle the instance by. False where its batch is not at hand. */
  settle(entry: InstanceEntry): boolean;
  /** Whether this replica proposes what the Decision Module orders. */
  isSettling(): boolean;
  /** There is something to wait for. */
  opened(): void;
}

/** The fast path (Arun and others §IV.A): proposals, replies to all, and `n` equal ones. */
export class Replying {
  readonly #state: EzbftState;
  readonly #events: ReplyingEvents;
  readonly #patience = new Patience();

  constructor(state: EzbftState, events: ReplyingEvents) {
    this.#state = state;
    this.#events = events;
  }

  /** This replica's next instance (SPECORDER). Its proposal is its reply. A barrier may name what nobody has. */
  propose(batch: Batch, least: Dependencies = []): void {
    const { self, outbox } = this.#state;
    const index = Math.max(this.#state.lastUsed + 1, least[self] ?? 0);
    const entry = this.#state.entry({ space: self, index });
    const value = this.#state.judge.valueOf(batch, this.#depsOf(entry, batch, least));
    const order = this.#state.propose(entry, value, batch);
    outbox.broadcast({ kind: 'spec-order', ...order });
    this.#speculate(order.order, batch);
    this.#events.opened();
    this.#count(entry);
  }

  /** Where the leader's order is new here, this replica's reply; where it was lost, the same again. */
  onOrder(from: ReplicaId, { order, batch }: SpecOrder): void {
    const { instance, value } = order.statement;
    if (this.#state.isExecuted(instance) || !value || !this.#state.fits(batch)) return;
    if (!this.#isAcceptable(order.statement)) return;
    const entry = this.#state.entry(instance);
    const isFirst = entry.orders.size === 0;
    this.#state.keepOrder(entry, { order, batch });
    // Replies that overtook the order.
    const early = isFirst && !this.#isLate(entry) ? entry.replies.keys() : [];
    for (const replica of early) this.#patience.wasInTime(replica);
    if (this.#state.supply(batch)) this.#events.decided();
    if (entry.decision) return;
    this.#keep(entry, instance.space, order);
    const said = this.#state.said(entry);
    if (said) this.#state.outbox.send(from, { kind: 'spec-reply', reply: said });
    else if (this.#mayName(entry, value.digest)) {
      const deps = this.#depsOf(entry, batch, this.#plausible(value.deps, batch));
      const reply = this.#state.say(entry, this.#state.judge.valueOf(batch, deps));
      this.#state.outbox.broadcast({ kind: 'spec-reply', reply });
      this.#speculate(reply, batch);
    }
    this.#events.opened();
    this.#count(entry);
  }

  /** It is another's, open, and its batch is kept: a liar may sign more of them than are. */
  #mayName(entry: InstanceEntry, digest: Digest): boolean {
    if (entry.decision || entry.wanted || entry.instance.space === this.#state.self) return false;
    return !this.#state.isLost && entry.orders.has(digest);
  }

  /**
   * What a leader names and nobody has becomes a no-op, and so uses up places of others: for requests those in which
   * only barriers may lie are not taken, so that these have room; for a barrier they are, since its checkpoint gives
   * them back.
   */
  #plausible(claimed: Dependencies, batch: Batch): Dependencies {
    if (batch.length === 0) return claimed;
    return claimed.map((index, space) =>
      index <= this.#state.lastWithRequests(space) ? index : 0,
    );
  }

  /** Clients may be told what this replica has said, where it would be executed next. */
  #speculate(reply: Signed<SpecReply>, batch: Batch): void {
    const { value } = reply.statement;
    const isNext = value?.deps.every((index, space) => index <= (this.#state.executed[space] ?? 0));
    if (isNext && batch.length > 0) {
      this.#state.outbox.output({ kind: 'speculated', reply, batch });
    }
  }

  onReply(from: ReplicaId, reply: Signed<SpecReply>): void {
    const { instance } = reply.statement;
    const known = this.#state.find(instance);
    this.#weigh(from, known);
    // What comes after the execution decides nothing any more, but counts once.
    if (known && this.#state.isExecuted(instance)) this.#keep(known, from, reply);
    if (this.#state.isExecuted(instance) || !this.#isAcceptable(reply.statement)) return;
    const entry = this.#state.entry(instance);
    this.#keep(entry, from, reply);
    this.#count(entry);
  }

  /**
   * Whether a replica's first reply to an instance comes in time, also where the instance is decided. Replies count from
   * the leader's order on, so that nobody makes up for being late with what it says of instances that nobody has.
   */
  #weigh(from: ReplicaId, entry: InstanceEntry | undefined): void {
    if (!entry || entry.orders.size === 0 || entry.replies.has(from)) return;
    if (this.#isLate(entry)) this.#patience.missed(from);
    else this.#patience.wasInTime(from);
  }

  #isLate({ sinceMs }: InstanceEntry): boolean {
    return sinceMs + this.#slowMs <= this.#state.outbox.nowMs;
  }

  /** All replicas' replies, from anybody. */
  onCommitFast({ replies, batch }: OrderingMessageOf<'commit-fast'>): void {
    const { instance, value } = replies.statement;
    if (this.#state.isExecuted(instance) || !this.#isAcceptable(replies.statement)) return;
    const entry = this.#state.entry(instance);
    if (this.#state.decide(entry, { value, batch, replies })) this.#events.decided();
  }

  /** This replica names no value of an instance that others wait for in vain. */
  refuse(entry: InstanceEntry): void {
    const reply = this.#state.say(entry, null);
    this.#state.outbox.broadcast({ kind: 'spec-reply', reply });
    this.#count(entry);
  }

  /** Has an instance settled that has been under way for long. */
  hasten(entry: InstanceEntry): void {
    this.#count(entry, true);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== SLOW) return false;
    for (const entry of [...this.#state.entries()]) {
      if (entry.decision || !this.#isEnough(entry)) continue;
      if (this.#isLate(entry)) {
        for (const replica of this.#missing(entry)) this.#patience.missed(replica);
        this.#count(entry, true);
      } else this.#count(entry);
    }
    return true;
  }

  get #slowMs(): number {
    return this.#state.options.resendAfterMs * SLOW_PART;
  }

  /**
   * What this replica knows of that a batch must be ordered with, in each space up to the last of it; and what is
   * claimed. What is new also names all that the last checkpoint covers.
   */
  #depsOf({ instance }: InstanceEntry, batch: Batch, claimed: Dependencies): Dependencies {
    const { covered, judge, interference } = this.#state;
    const known = interference.lastWith(judge.touchedBy(batch), union(covered, claimed));
    return own(known, instance);
  }

  /** Nothing in it lies further on than a correct replica may be. */
  #isAcceptable({ instance, value }: SpecReply): boolean {
    const { space, index } = instance;
    if (!this.#state.isWithinReach(space, index)) return false;
    const deps = value?.deps ?? [];
    for (let of = 0; of < deps.length; of += 1) {
      if (!this.#state.isWithinReach(of, deps[of] ?? 0)) return false;
    }
    return true;
  }

  #keep(entry: InstanceEntry, from: ReplicaId, reply: Signed<SpecReply>): void {
    if (from !== this.#state.self) this.#state.keepReply(entry, from, reply);
  }

  #isEnough({ replies }: InstanceEntry): boolean {
    const { n, f } = this.#state.options.resilience;
    return replies.size >= n - f;
  }

  /** A reply is missing of a replica that is waited for. */
  #isAwaited({ replies }: InstanceEntry): boolean {
    return this.#state.everybody.some(
      (replica) => !replies.has(replica) && this.#patience.isAwaited(replica),
    );
  }

  #missing({ replies }: InstanceEntry): readonly ReplicaId[] {
    return this.#state.everybody.filter((replica) => !replies.has(replica));
  }

  /**
   * Decided where all say the same. Where that cannot be any more, or takes too long, the leader and the Decision
   * Module's primary have it settled at once, and the others when these have had time to.
   */
  #count(entry: InstanceEntry, isLate = false): void {
    if (entry.decision || !this.#isEnough(entry)) return;
    const said = this.#state.said(entry);
    const isEqual = said !== undefined && !entry.isDisputed;
    const isFull = entry.replies.size === this.#state.everybody.length;
    if (isEqual && isFull) return this.#decideFast(entry, said);
    const isHopeless = !isEqual || !this.#isAwaited(entry);
    const isTurn = entry.instance.space === this.#state.self || this.#events.isSettling();
    const isDue = isLate || (isHopeless && isTurn);
    if (isDue && !this.#isTooEarly(entry) && this.#events.settle(entry)) return;
    this.#state.outbox.ensureTimer(SLOW, this.#slowMs);
  }

  /** A liar that names no value makes no no-op of what the others are about to name: they have some patience. */
  #isTooEarly({ instance, replies }: InstanceEntry): boolean {
    const said = [...replies.values()].map(({ statement }) => statement.value);
    return this.#state.isTooEarly(instance, said);
  }

  #decideFast(entry: InstanceEntry, said: Signed<SpecReply>): void {
    const { value } = said.statement;
    const batch = value ? entry.orders.get(value.digest)?.batch : undefined;
    if (!batch) return;
    const signatures = this.#state.everybody.flatMap((replica) => {
      const reply = entry.replies.get(replica);
      return reply ? [signatureOf(replica, reply)] : [];
    });
    const { n } = this.#state.options.resilience;
    invariant(signatures.length === n, 'all replicas decide fast');
    const replies = { statement: said.statement, bytes: said.bytes, signatures };
    if (this.#state.decide(entry, { value, batch, replies })) this.#events.decided();
  }
}

/** A space's own instances are executed one after the other. */
function own(deps: Dependencies, { space, index }: SpecReply['instance']): Dependencies {
  return deps.map((place, of) => (of === space ? index - 1 : place));
}
