import { invariant, type StoredRecord } from '../../../kernel/core.js';
import type { Digest, ReplicaId } from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { nullBatch, nullDigest } from '../../batch-codec.js';
import { digestOfBatch } from '../../check-message.js';
import type {
  Batch,
  Instance,
  InstanceValue,
  SharedCertificate,
  SpecOrder,
  SpecReply,
} from '../../types.js';
import type { OrderingOptions } from '../engine.js';
import type { Outbox } from '../outbox.js';
import { Pending } from '../pending.js';
import { isSameValue, mayBecomeMore } from './deciding.js';
import { keyOf } from './execution.js';
import { Interference, type Judge } from './interference.js';
import {
  decodeFast,
  decodeSaid,
  decodeSettled,
  encodeFast,
  encodeSaid,
  encodeSettled,
} from './records.js';
import { type Room, roomOf } from './room.js';
import type { SettledInstance } from './settled-instances.js';

/** Of a replica's patience, by barriers that come to nothing. */
const PATIENCE_DOUBLINGS_MAX = 12;
/** A liar may sign two orders of one instance; more are not kept. */
const ORDERS_MAX = 2;

export interface Decision {
  /** `null`: a no-op. */
  readonly value: InstanceValue | null;
  readonly batch: Batch;
  /** The same reply of all replicas; without, the Decision Module's log is the proof. */
  readonly replies?: SharedCertificate<SpecReply>;
}

/** What a replica knows of one instance. */
export interface InstanceEntry {
  readonly instance: Instance;
  /** The leader's orders that have come, by the digest of the batch; the first is the one replied to. */
  readonly orders: Map<Digest, SpecOrder>;
  /** What each replica said first, this one among them. */
  readonly replies: Map<ReplicaId, Signed<SpecReply>>;
  /** Not all have said the same value. */
  isDisputed: boolean;
  decision: Decision | undefined;
  /** As what it was settled, while the batch is not at hand. */
  wanted: InstanceValue | undefined;
  /** Since when it is known here. */
  readonly sinceMs: number;
}

/** What the parts of the engine share: the instances, how far all is executed, and the instances' form on disk. */
export class EzbftState {
  readonly outbox: Outbox;
  readonly options: OrderingOptions;
  readonly everybody: readonly ReplicaId[];
  readonly pending = new Pending();
  readonly judge: Judge;
  /** Of the instances above the cut, as what this replica named a value of or as what they were decided. */
  readonly interference: Interference;
  /** Settled, and their batches are not at hand. */
  readonly wanting = new Set<InstanceEntry>();
  /** By space: the instances above the cut. */
  readonly spaces: readonly Map<number, InstanceEntry>[];
  /** By space: all up to here is executed. */
  readonly executed: number[];
  /** By space: the last that is decided. */
  readonly #lastDecided: number[];
  readonly #room: Room;
  #lastUsed = 0;
  /** By space: covered by the stable checkpoint. */
  readonly cut: number[];
  /** By space: covered by the last checkpoint that was taken here. Whatever is new is executed after it. */
  readonly covered: number[];
  /** Whose turn it is to propose a barrier. */
  turn: number;
  /** Batches and barriers executed: the same at every replica where a barrier is executed. */
  position = 0;
  /** It has lost its store, and may have said something of instances before: it says nothing yet. */
  isLost = false;

  constructor(outbox: Outbox, judge: Judge) {
    const { n } = outbox.options.resilience;
    this.outbox = outbox;
    this.options = outbox.options;
    this.judge = judge;
    this.interference = new Interference(judge);
    this.spaces = Array.from({ length: n }, () => new Map<number, InstanceEntry>());
    this.everybody = this.spaces.map((_, space) => space as ReplicaId);
    this.executed = this.everybody.map(() => 0);
    this.#lastDecided = [...this.executed];
    this.cut = [...this.executed];
    this.covered = [...this.executed];
    this.turn = 1 % n;
    this.#room = roomOf(this.options);
  }

  get self(): ReplicaId {
    return this.options.self;
  }

  /** How far above its cut another's instances are taken: an interval more than this replica would propose in. */
  get reach(): number {
    return this.#room.reach;
  }

  /** The last instance of a space that may have requests: beyond it there is room for barriers alone. */
  lastWithRequests(space: number): number {
    return (this.cut[space] ?? 0) + 2 * this.options.checkpointInterval;
  }

  /** The last of this replica's own that may be a barrier: as many come to nothing as others would still take. */
  get lastBarrier(): number {
    return (this.cut[this.self] ?? 0) + this.reach;
  }

  get settledKept(): number {
    return this.#room.settledKept;
  }

  get keptBytesMax(): number {
    return this.#room.keptBytesMax;
  }

  /**
   * How long this replica waits for what others have before it says that it will name no value: twice as long for each
   * barrier that has come to nothing in the spaces of more than `f` replicas since the last checkpoint. Messages take
   * longer then, and places for barriers are finite. Liars alone do not bring that about.
   */
  get patienceMs(): number {
    const { suspectAfterMs, resilience } = this.options;
    const lost = this.spaces.map(lostBarriers).sort((a, b) => b - a);
    return suspectAfterMs * 2 ** Math.min(lost[resilience.f] ?? 0, PATIENCE_DOUBLINGS_MAX);
  }

  /**
   * Whether these replies make a no-op of what those that are missing may make a batch of, and there is time left for
   * them. An instance that is new here is known from now on.
   */
  isTooEarly(instance: Instance, said: readonly (InstanceValue | null)[]): boolean {
    const { space, index } = instance;
    const isOpen = !this.isExecuted(instance) && this.isWithinReach(space, index);
    if (!isOpen || !mayBecomeMore(said, this.options.resilience)) return false;
    const { decision, sinceMs } = this.entry(instance);
    if (decision) return false;
    const waitedMs = this.outbox.nowMs - sinceMs;
    return waitedMs < this.options.suspectAfterMs || waitedMs < this.patienceMs;
  }

  isWithinReach(space: number, index: number): boolean {
    return index <= (this.cut[space] ?? 0) + this.reach;
  }

  isExecuted({ space, index }: Instance): boolean {
    return index <= (this.executed[space] ?? 0);
  }

  /** Whether the stable checkpoint covers it. */
  isCovered({ space, index }: Instance): boolean {
    return index <= (this.cut[space] ?? 0);
  }

  find({ space, index }: Instance): InstanceEntry | undefined {
    return this.spaces[space]?.get(index);
  }

  entry(instance: Instance): InstanceEntry {
    const known = this.find(instance);
    if (known) return known;
    const entry: InstanceEntry = {
      instance,
      orders: new Map(),
      replies: new Map(),
      isDisputed: false,
      decision: undefined,
      wanted: undefined,
      sinceMs: this.outbox.nowMs,
    };
    this.spaces[instance.space]?.set(instance.index, entry);
    return entry;
  }

  *entries(): Generator<InstanceEntry> {
    for (const space of this.spaces) yield* space.values();
  }

  /**
   * The last instance of this replica's own that it has proposed or refused, or that is decided. What others say of
   * its instances does not use them up.
   */
  get lastUsed(): number {
    return Math.max(this.cut[this.self] ?? 0, this.#lastUsed);
  }

  /** The last instance of a space that is executed or decided. There may be gaps before it. */
  lastDecidedOf(space: number): number {
    return Math.max(this.executed[space] ?? 0, this.#lastDecided[space] ?? 0);
  }

  /** What this replica said of it. */
  said({ replies }: InstanceEntry): Signed<SpecReply> | undefined {
    return replies.get(this.self);
  }

  keepOrder(entry: InstanceEntry, order: SpecOrder): void {
    const digest = order.order.statement.value?.digest;
    if (digest === undefined || entry.orders.has(digest)) return;
    if (entry.orders.size < ORDERS_MAX) entry.orders.set(digest, order);
  }

  /** What a replica said of an instance; its first counts. */
  keepReply(entry: InstanceEntry, from: ReplicaId, reply: Signed<SpecReply>): void {
    const { replies } = entry;
    if (replies.has(from)) return;
    const { value } = reply.statement;
    const [first] = replies.values();
    const other = first ? first.statement.value : value;
    entry.isDisputed ||= !value || !other || !isSameValue(value, other);
    replies.set(from, reply);
    if (from === this.self) this.#use(entry.instance);
  }

  #use({ space, index }: Instance): void {
    if (space === this.self) this.#lastUsed = Math.max(index, this.#lastUsed);
  }

  /** This replica says what it says of an instance, once: on disk before it leaves. */
  say(entry: InstanceEntry, value: InstanceValue | null): Signed<SpecReply> {
    const order = value ? entry.orders.get(value.digest) : undefined;
    invariant(!value || order !== undefined, 'a replica names a value of a batch that it holds');
    return this.#record(entry, this.#sign(entry, value), order);
  }

  /** The same of an instance of this replica's own, whose reply is the order. */
  propose(entry: InstanceEntry, value: InstanceValue, batch: Batch): SpecOrder {
    const order = { order: this.#sign(entry, value), batch };
    this.keepOrder(entry, order);
    this.#record(entry, order.order, order);
    return order;
  }

  #sign({ instance }: InstanceEntry, value: InstanceValue | null): Signed<SpecReply> {
    return this.outbox.sign({ kind: 'spec-reply', scope: 'ezbft', instance, value });
  }

  #record(
    entry: InstanceEntry,
    reply: Signed<SpecReply>,
    order: SpecOrder | undefined,
  ): Signed<SpecReply> {
    invariant(!this.said(entry), 'a replica says one thing of an instance');
    invariant(!this.isLost, 'a replica without its store says nothing of what it may have');
    this.keepReply(entry, this.self, reply);
    if (order) this.interference.add(entry.instance, this.judge.touchedBy(order.batch));
    this.outbox.persistSigned(`said/${keyOf(entry.instance)}`, () => encodeSaid(reply, order));
    return reply;
  }

  /** As the Decision Module has settled it. Where its batch is not at hand, it is decided when that comes. */
  settle(entry: InstanceEntry, { value, touched }: SettledInstance): void {
    if (entry.wanted) return checkSame(entry.wanted, value);
    this.#use(entry.instance);
    const known = value ? this.#batchOf(entry, value.digest) : nullBatch;
    const batch = entry.decision?.batch ?? known;
    // The Decision Module finds it by what it was said to touch: so does this replica, whatever its application says since.
    const isKnownBy = batch && (!value || this.judge.touches(batch, value));
    if (!isKnownBy) this.interference.add(entry.instance, touched);
    if (batch) {
      this.decide(entry, { value, batch });
    } else {
      entry.wanted = value ?? undefined;
      this.wanting.add(entry);
    }
  }

  /** A batch that may be awaited. Returns whether an instance is decided with it. */
  supply(batch: Batch): boolean {
    if (this.wanting.size === 0) return false;
    const digest = digestOfBatch(batch);
    return [...this.wanting]
      .filter(({ wanted }) => wanted?.digest === digest)
      .map((entry) => this.decide(entry, { value: entry.wanted ?? null, batch }))
      .includes(true);
  }

  #batchOf({ orders }: InstanceEntry, digest: Digest): Batch | undefined {
    return digest === nullDigest ? nullBatch : orders.get(digest)?.batch;
  }

  /** Returns false where it was decided before; never otherwise. */
  decide(entry: InstanceEntry, decision: Decision): boolean {
    const { value } = decision;
    const known = entry.decision ? entry.decision.value : entry.wanted;
    if (known !== undefined) checkSame(known, value);
    if (entry.decision) return false;
    this.#noteDecision(entry, decision);
    const { replies, batch } = decision;
    const isHeld = this.#isSaid(entry, value);
    if (replies) {
      const encode = () => encodeFast(replies, isHeld ? undefined : batch);
      this.outbox.persistSigned(`fast/${keyOf(entry.instance)}`, encode);
    } else if (value && !isHeld) {
      // The Decision Module's log has it, and is cut before this one.
      this.outbox.persist(
        `settled/${keyOf(entry.instance)}`,
        encodeSettled(entry.instance, value, batch),
      );
    }
    return true;
  }

  #noteDecision(entry: InstanceEntry, decision: Decision): void {
    const { space, index } = entry.instance;
    const { value, batch } = decision;
    const isWanted = value && entry.wanted !== undefined && this.judge.touches(batch, value);
    const isKnown = isWanted || (value && this.#isSaid(entry, value));
    entry.decision = decision;
    entry.wanted = undefined;
    this.wanting.delete(entry);
    this.#use(entry.instance);
    this.#lastDecided[space] = Math.max(index, this.#lastDecided[space] ?? 0);
    if (!isKnown) this.interference.add(entry.instance, value && this.judge.touchedBy(batch));
  }

  /** Whether this replica named a value of the same batch. */
  #isSaid(entry: InstanceEntry, value: InstanceValue | null): boolean {
    return this.said(entry)?.statement.value?.digest === value?.digest;
  }

  fits(batch: Batch): boolean {
    if (batch.length > this.judge.requestsMax) return false;
    const kept = batch.reduce((sum, request) => sum + this.judge.keptBytesOf(request), 0);
    return kept <= this.keptBytesMax;
  }

  /** A stable checkpoint covers these. */
  cutAt(cut: readonly number[]): void {
    for (const [space, low] of cut.entries()) {
      this.cut[space] = low;
      for (const [index, entry] of this.spaces[space] ?? []) {
        if (index > low) continue;
        this.spaces[space]?.delete(index);
        this.wanting.delete(entry);
        this.interference.remove(entry.instance);
        if (this.said(entry)) this.outbox.persist(`said/${keyOf(entry.instance)}`, null);
        if (entry.decision?.replies) {
          this.outbox.persist(`fast/${keyOf(entry.instance)}`, null);
        } else if (entry.decision) {
          this.outbox.persist(`settled/${keyOf(entry.instance)}`, null);
        }
      }
    }
  }

  /** Takes back from disk what is above the cut. */
  restore(records: readonly StoredRecord[]): void {
    const { cluster } = this.options;
    for (const [, bytes] of this.outbox.stored(records, 'said/')) {
      const { reply, order } = decodeSaid(cluster, bytes);
      const entry = this.#restored(reply.statement.instance);
      if (!entry) continue;
      this.keepReply(entry, this.self, reply);
      if (!order) continue;
      this.keepOrder(entry, order);
      this.interference.add(entry.instance, this.judge.touchedBy(order.batch));
    }
    for (const [, bytes] of this.outbox.stored(records, 'fast/')) {
      const { replies, batch } = decodeFast(cluster, bytes);
      const { instance, value } = replies.statement;
      const entry = this.#restored(instance);
      const held = batch ?? (value ? entry?.orders.get(value.digest)?.batch : undefined);
      if (entry && held) this.#noteDecision(entry, { value, batch: held, replies });
    }
    for (const [, bytes] of this.outbox.stored(records, 'settled/')) {
      const { instance, value, batch } = decodeSettled(bytes);
      const entry = this.#restored(instance);
      if (entry) this.#noteDecision(entry, { value, batch });
    }
  }

  /**
   * Throws where the application says otherwise than before it was restarted what an undecided batch touches: what this
   * replica has said of it would count with nobody.
   */
  checkTouched(): void {
    for (const entry of this.entries()) {
      const value = this.said(entry)?.statement.value;
      const batch = value && entry.orders.get(value.digest)?.batch;
      if (!batch || entry.decision || entry.wanted) continue;
      if (this.judge.touches(batch, value)) continue;
      throw new Error(
        `the application says otherwise than before what instance ${keyOf(entry.instance)} touches, which is not decided: ` +
          'start the version that ran before, and change keysOf when nothing is under way',
      );
    }
  }

  #restored(instance: Instance): InstanceEntry | undefined {
    return instance.index > (this.cut[instance.space] ?? 0) ? this.entry(instance) : undefined;
  }
}

/** Barriers of a space that are no-ops. */
function lostBarriers(space: ReadonlyMap<number, InstanceEntry>): number {
  const isLost = ({ decision, orders }: InstanceEntry) =>
    decision?.value === null && orders.has(nullDigest);
  return [...space.values()].filter(isLost).length;
}

function checkSame(known: InstanceValue | null, value: InstanceValue | null): void {
  const isSame = known && value ? isSameValue(known, value) : known === value;
  invariant(isSame, 'one decision an instance');
}
