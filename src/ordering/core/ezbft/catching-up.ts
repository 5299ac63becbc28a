import { resendDelayMs } from '../../../kernel/core.js';
import { oneCorrect, type ReplicaId, type View } from '../../../kernel/ids.js';
import type { Instance } from '../../types.js';
import type { Progress, Reminding } from '../outbox.js';
import { names } from './deciding.js';
import type { DecisionModule } from './decision-module.js';
import type { Execution } from './executing.js';
import { keyOf } from './execution.js';
import { Patience } from './patience.js';
import type { Proposing } from './proposing.js';
import type { Replying } from './replying.js';
import type { EzbftState, InstanceEntry } from './state.js';

const AWAITED = 'awaited';
/** Instances of which something is said again at once. */
const CHUNK = 16;
/** Of the time of a retransmission: as long as replies may be missing, so that nobody makes no-ops of what is on its way. */
const BRIEFLY = 1 / 4;
/** Instances that one replica is shown within a retransmission: twice what it may lack and ask for in that time. */
const SHOWN_MAX = 64;

interface Parts {
  readonly replying: Replying;
  readonly execution: Execution;
  readonly decisions: DecisionModule;
  readonly proposing: Proposing;
}

/** What is said again, and what is shown to those that are behind. */
export class CatchingUp implements Reminding {
  readonly #state: EzbftState;
  readonly #replying: Replying;
  readonly #execution: Execution;
  readonly #decisions: DecisionModule;
  readonly #proposing: Proposing;
  /** Whether instances that a leader names are waited for: those that it named before came. */
  readonly #naming = new Patience();
  /** Batches that others were asked for: how often, and when the next is. */
  readonly #asked = new Map<InstanceEntry, { readonly times: number; readonly nextMs: number }>();
  readonly #shown = new Map<ReplicaId, { readonly sinceMs: number; count: number }>();

  constructor(state: EzbftState, { replying, execution, decisions, proposing }: Parts) {
    this.#state = state;
    this.#replying = replying;
    this.#execution = execution;
    this.#decisions = decisions;
    this.#proposing = proposing;
  }

  /** Looks again soon at what others wait for, and what is settled and not here, where there is anything. */
  watch(): void {
    const { outbox, options } = this.#state;
    const isWaiting = this.#execution.isWaiting || this.#state.wanting.size > 0;
    if (isWaiting) outbox.ensureTimer(AWAITED, options.resendAfterMs * BRIEFLY);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== AWAITED) return false;
    this.#refuseWhatIsAwaited();
    this.#fetchBatches();
    this.watch();
    return true;
  }

  /** An instance of a replica's is executed, so all that it names was there. */
  executed({ space }: Instance): void {
    this.#naming.wasInTime(space);
  }

  get progress(): Progress {
    const { position } = this.#state;
    return { view: 0 as View, position, stable: this.#execution.checkpoints.low };
  }

  show(to: ReplicaId, { position, stable }: Progress): boolean {
    const { checkpoints } = this.#execution;
    const { low } = checkpoints;
    if (stable < low) checkpoints.show(to, position >= low ? 'stable' : 'state');
    return position < this.#state.position;
  }

  isBehind({ position, stable }: Progress): boolean {
    return position > this.#state.position || stable > this.#execution.checkpoints.low;
  }

  sayAgain(tries: number): boolean {
    this.#proposing.proposeBarrier(tries);
    this.#refuseWhatIsAwaited();
    const keys = new Set(this.#execution.awaited.map(({ instance }) => keyOf(instance)));
    const open = [...this.#state.entries()].filter((entry) => this.#isOpen(entry, keys));
    for (const entry of open.slice(0, CHUNK)) this.#saySomethingOf(entry, tries);
    const awaited = this.#execution.awaited.filter(({ instance }) => !this.#state.find(instance));
    for (const { instance } of awaited.slice(0, CHUNK)) this.#fetch(instance);
    this.#execution.checkpoints.sayAgain();
    const { isUnstable } = this.#execution.checkpoints;
    const isOpen = open.length > 0 || awaited.length > 0;
    return isOpen || this.#state.pending.size > 0 || isUnstable;
  }

  /** What this replica knows of an instance, for one that lacks its decision. */
  onFetch(from: ReplicaId, instance: Instance): void {
    if (!this.#mayShow(from)) return;
    const { outbox } = this.#state;
    const entry = this.#state.find(instance);
    const { space, index } = instance;
    if (index <= (this.#state.cut[space] ?? 0)) this.#execution.checkpoints.show(from, 'stable');
    if (!entry) return;
    const { decision, orders } = entry;
    if (decision?.replies) {
      const { replies, batch } = decision;
      outbox.send(from, { kind: 'commit-fast', replies, batch });
    } else if (decision) {
      this.#decisions.showPosition(from);
      const { batch } = decision;
      if (batch.length > 0) outbox.send(from, { kind: 'batch', batch });
    } else {
      for (const order of orders.values()) outbox.send(from, { kind: 'spec-order', ...order });
      const said = this.#state.said(entry);
      if (said) outbox.send(from, { kind: 'spec-reply', reply: said });
    }
  }

  /** It counts. An instance is answered with a whole batch. */
  #mayShow(to: ReplicaId): boolean {
    const { nowMs, options } = this.#state.outbox;
    const known = this.#shown.get(to);
    const isOver = !known || nowMs - known.sinceMs >= options.resendAfterMs;
    const shown = isOver ? { sinceMs: nowMs, count: 0 } : known;
    this.#shown.set(to, shown);
    shown.count += 1;
    return shown.count <= SHOWN_MAX;
  }

  /**
   * Undecided, and this replica has named a value of it, or a correct one has said something. What it has refused is
   * awaited, or nobody's concern any more.
   */
  #isOpen(entry: InstanceEntry, awaited: ReadonlySet<string>): boolean {
    if (entry.decision || entry.wanted) return false;
    const named = this.#state.said(entry)?.statement.value ?? undefined;
    const isSaid = entry.replies.size >= oneCorrect(this.#state.options.resilience);
    return named !== undefined || isSaid || awaited.has(keyOf(entry.instance));
  }

  #saySomethingOf(entry: InstanceEntry, tries: number): void {
    const { outbox, self } = this.#state;
    const { instance, orders } = entry;
    const said = this.#state.said(entry);
    const isOwn = instance.space === self;
    // The leader's order reaches whoever it did not; without the leader, the others hand it on.
    if (isOwn || tries > 1) {
      for (const order of orders.values()) outbox.broadcast({ kind: 'spec-order', ...order });
    }
    if (said && !isOwn) outbox.broadcast({ kind: 'spec-reply', reply: said });
    if (tries > 0) this.#fetch(instance);
    this.#replying.hasten(entry);
  }

  #fetch(instance: Instance): void {
    this.#state.outbox.broadcast({ kind: 'fetch-instance', instance });
  }

  /** Of one replica after the other, ever more seldom. */
  #fetchBatches(): void {
    const { wanting, outbox, options } = this.#state;
    for (const entry of this.#asked.keys()) if (!wanting.has(entry)) this.#asked.delete(entry);
    const due = [...wanting].filter(
      (entry) => (this.#asked.get(entry)?.nextMs ?? 0) <= outbox.nowMs,
    );
    for (const entry of due.slice(0, CHUNK)) {
      const times = this.#asked.get(entry)?.times ?? 0;
      const holders = this.#holdersOf(entry);
      const holder = holders[times % holders.length];
      const rounds = Math.floor(times / holders.length);
      const nextMs = outbox.nowMs + resendDelayMs(options.resendAfterMs, rounds);
      this.#asked.set(entry, { times: times + 1, nextMs });
      const { instance } = entry;
      if (holder !== undefined) outbox.send(holder, { kind: 'fetch-instance', instance });
    }
  }

  /** First those that have named the batch here, as a liar may have; last the leader, which may have withheld it. */
  #holdersOf({ instance, replies, wanted }: InstanceEntry): readonly ReplicaId[] {
    const { everybody, self } = this.#state;
    const rankOf = (one: ReplicaId): number => {
      if (one === instance.space) return 2;
      return replies.get(one)?.statement.value?.digest === wanted?.digest ? 0 : 1;
    };
    return everybody.filter((one) => one !== self).sort((a, b) => rankOf(a) - rankOf(b));
  }

  /**
   * Instances that others are executed after, and that no leader has shown here, become no-ops in the end: soon where
   * those alone name them that have named such before.
   */
  #refuseWhatIsAwaited(): void {
    const { outbox, options, isLost, patienceMs } = this.#state;
    if (isLost) return;
    const waiting = [...this.#state.entries()].filter(
      (entry) => entry.decision?.value && !this.#state.isExecuted(entry.instance),
    );
    for (const { instance, sinceMs } of this.#execution.awaited) {
      const waitedMs = outbox.nowMs - sinceMs;
      if (waitedMs < options.resendAfterMs * BRIEFLY) continue;
      const namers = namersOf(instance, waiting);
      const isTrusted = namers.length === 0 || namers.some((one) => this.#naming.isAwaited(one));
      if (isTrusted && waitedMs < patienceMs) continue;
      const entry = this.#state.entry(instance);
      if (this.#state.said(entry) || entry.wanted) continue;
      for (const namer of namers) this.#naming.missed(namer);
      this.#replying.refuse(entry);
    }
  }
}

/** Leaders that have named the instance in orders of theirs, which are decided and wait for it. */
function namersOf(instance: Instance, waiting: readonly InstanceEntry[]): readonly ReplicaId[] {
  const namers = waiting.flatMap(({ instance: { space }, orders }) => {
    const values = [...orders.values()].map(({ order }) => order.statement.value);
    return values.some((value) => value && names(value.deps, instance)) ? [space] : [];
  });
  return [...new Set(namers)];
}
