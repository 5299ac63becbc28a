import {
  type LogLevel,
  persistSigned,
  resendDelayMs,
  type StoredRecord,
} from '../../kernel/core.js';
import type { ReplicaId, View } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import { signOrdering } from '../check-message.js';
import type { OrderingMessage, OrderingScope, OrderingStatement } from '../types.js';
import type { OrderingOptions, OrderingOutput } from './engine.js';
import type { BatchLimits, Pending } from './pending.js';

const nothing: readonly OrderingOutput[] = [];

type Unscoped<M> = M extends OrderingMessage ? Omit<M, 'scope'> : never;
/** A message before the outbox says which protocol instance it is of. */
export type OutgoingMessage = Unscoped<OrderingMessage>;

/**
 * Outputs of one protocol instance, in their order; its timers and keys start with its scope. The only
 * place that signs. It also keeps the time: what the last input said, or when its timer was due.
 */
export class Outbox {
  readonly options: OrderingOptions;
  readonly scope: OrderingScope;
  readonly #clock: { nowMs: number };
  /** While the log is replayed, nothing is sent that was sent before. */
  replaying = false;
  readonly #sink: OrderingOutput[];
  readonly #dueMs = new Map<string, number>();

  /** Two instances in one process share a sink, so that their outputs keep their order, and the time. */
  constructor(
    options: OrderingOptions,
    scope: OrderingScope,
    sink: OrderingOutput[] = [],
    clock: { nowMs: number } = { nowMs: 0 },
  ) {
    this.#clock = clock;
    this.options = options;
    this.scope = scope;
    this.#sink = sink;
  }

  /** A second instance whose outputs go the same way. */
  child(scope: OrderingScope, changed: Partial<OrderingOptions>): Outbox {
    return new Outbox({ ...this.options, ...changed }, scope, this.#sink, this.#clock);
  }

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  advance(nowMs: number): void {
    this.#clock.nowMs = Math.max(this.nowMs, nowMs);
  }

  sign<S extends OrderingStatement>(statement: S): Signed<S> {
    return signOrdering(this.options.sign, this.options.cluster, statement);
  }

  output(output: OrderingOutput): void {
    this.#sink.push(output);
  }

  broadcast(message: OutgoingMessage): void {
    this.output({ kind: 'broadcast', message: this.#scoped(message) });
  }

  send(to: ReplicaId, message: OutgoingMessage): void {
    if (to !== this.options.self) this.output({ kind: 'send', to, message: this.#scoped(message) });
  }

  persist(key: string, value: Uint8Array | null): void {
    this.output({ kind: 'persist', key: `${this.scope}/${key}`, value });
  }

  /** Writes what holds a signature of this replica's own, which is made when the write begins. */
  persistSigned(key: string, encode: () => Uint8Array): void {
    this.output(persistSigned(`${this.scope}/${key}`, encode));
  }

  startTimer(name: string, delayMs: number): void {
    this.#dueMs.set(name, this.nowMs + delayMs);
    this.output({ kind: 'start-timer', name: `${this.scope}/${name}`, delayMs });
  }

  /** Leaves the timer alone where it runs. */
  ensureTimer(name: string, delayMs: number): void {
    if (!this.#dueMs.has(name)) this.startTimer(name, delayMs);
  }

  /** Starts the timer, or makes it run out sooner where it would run longer. */
  startTimerBy(name: string, delayMs: number): void {
    const dueMs = this.#dueMs.get(name);
    if (dueMs === undefined || this.nowMs + delayMs < dueMs) this.startTimer(name, delayMs);
  }

  stopTimer(name: string): void {
    if (!this.#dueMs.delete(name)) return;
    this.output({ kind: 'stop-timer', name: `${this.scope}/${name}` });
  }

  /** The name within this scope; undefined for another's timer, or one that was stopped. */
  timerRanOut(name: string): string | undefined {
    const own = this.#withoutScope(name);
    const dueMs = own === undefined ? undefined : this.#dueMs.get(own);
    if (own === undefined || dueMs === undefined) return undefined;
    this.#dueMs.delete(own);
    this.advance(dueMs);
    return own;
  }

  /** This scope's records whose keys start so, by the rest of their keys. */
  stored(records: readonly StoredRecord[], prefix: string): [string, Uint8Array][] {
    const full = `${this.scope}/${prefix}`;
    return records
      .filter(({ key }) => key.startsWith(full))
      .map(({ key, value }) => [key.slice(full.length), value]);
  }

  log(level: LogLevel, event: string, data: object): void {
    this.output({ kind: 'log', level, event, data: { scope: this.scope, ...data } });
  }

  take(): readonly OrderingOutput[] {
    return this.#sink.length > 0 ? this.#sink.splice(0) : nothing;
  }

  #scoped(message: OutgoingMessage): OrderingMessage {
    return { ...message, scope: this.scope };
  }

  #withoutScope(name: string): string | undefined {
    const prefix = `${this.scope}/`;
    return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
  }
}

const RESEND = 'resend';
/** Times that a replica is sent a status after progress here, because it seems to be elsewhere. */
export const nudgesMax = 8;

/** How far a replica is: its view, the last position it applied, and its last stable checkpoint. */
export interface Progress {
  readonly view: View;
  readonly position: number;
  readonly stable: number;
}

/** The engine's side: how far it is, and what there is to say. */
export interface Reminding {
  readonly progress: Progress;
  /** Says again what others may have missed, after `tries` times in vain; false where there is nothing. */
  sayAgain(tries: number): boolean;
  /** Whether one that is there has something that this replica lacks. */
  isBehind(theirs: Progress): boolean;
  /** Shows one that is there what it lacks; false where it lacks nothing before this replica's place. */
  show(to: ReplicaId, theirs: Progress): boolean;
}

/**
 * Links lose messages. So each replica sends again what is open, less and less often; asks a replica that is
 * further on; and, when nothing is open any more, sends its status to those that it has not seen at its own place.
 * Without load that comes to rest.
 */
export class Reminders {
  readonly #outbox: Outbox;
  readonly #engine: Reminding;
  /** How far the others have got, as far as this replica knows. */
  readonly #positions = new Map<ReplicaId, number>();
  /** The status that each was last sent, so that two do not go on sending each other the same. */
  readonly #told = new Map<ReplicaId, string>();
  #tries = 0;
  #nudges = 0;

  constructor(outbox: Outbox, engine: Reminding) {
    this.#outbox = outbox;
    this.#engine = engine;
  }

  /** There is something to be said again later, until it is settled. */
  watch(): void {
    const { resendAfterMs } = this.#outbox.options;
    this.#outbox.ensureTimer(RESEND, resendDelayMs(resendAfterMs, this.#tries));
  }

  progressed(): void {
    this.#tries = 0;
    this.#nudges = 0;
    this.watch();
  }

  /** A replica has shown that it has got so far. */
  heard(replica: ReplicaId, position: number): void {
    this.#positions.set(replica, Math.max(this.#positions.get(replica) ?? 0, position));
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== RESEND) return false;
    this.#told.clear();
    const isOpen = this.#engine.sayAgain(this.#tries);
    if (isOpen) this.#outbox.broadcast({ kind: 'status', ...this.#engine.progress });
    else if (!this.#nudge()) return true;
    this.#tries += 1;
    this.watch();
    return true;
  }

  /** Lets another replica see how far this one is, so that it shows, or asks for, what one of them lacks. */
  sendStatus(to: ReplicaId): void {
    const { progress } = this.#engine;
    this.#told.set(to, textOf(progress));
    this.#outbox.send(to, { kind: 'status', ...progress });
  }

  onStatus(from: ReplicaId, theirs: Progress): void {
    this.#positions.set(from, theirs.position);
    if (this.#engine.show(from, theirs)) this.sendStatus(from);
    if (this.#engine.isBehind(theirs)) this.#ask(from);
  }

  /** Once from a place, for a state takes a while to come; what is lost on its way, later again. */
  #ask(from: ReplicaId): void {
    if (this.#told.get(from) !== textOf(this.#engine.progress)) this.sendStatus(from);
    this.watch();
  }

  /**
   * Whoever has not been heard of at this place may have missed the last messages; and whoever was heard
   * of further on may have more, which nobody offers again once a state has come. One that stays silent
   * is left alone until it comes back by itself.
   */
  #nudge(): boolean {
    const { resilience, self } = this.#outbox.options;
    if (this.#nudges >= nudgesMax) return false;
    this.#nudges += 1;
    const { position } = this.#engine.progress;
    const elsewhere = Array.from({ length: resilience.n }, (_, index) => index as ReplicaId)
      .filter((replica) => replica !== self)
      .filter((replica) => (this.#positions.get(replica) ?? 0) !== position);
    for (const replica of elsewhere) this.sendStatus(replica);
    return elsewhere.length > 0;
  }
}

function textOf({ view, position, stable }: Progress): string {
  return `${view}/${position}/${stable}`;
}

const BATCH = 'batch';

/**
 * When what waits is proposed: once it fills a batch, or its time is up. While batches are under way more
 * comes anyway, so the first request waits for `batchDelayMs`, or until the last of them is done. Where
 * nothing is, it waits no longer than until as many wait as were executed since the last batch left, whose clients
 * come again: so clients that wait for their answers share one batch, and one alone waits for nothing. Before there was
 * any, it waits for `idleDelayMs`.
 */
export class Batching {
  readonly #outbox: Outbox;
  readonly #pending: Pending;
  readonly #limits: BatchLimits;
  /** Since when something waits, as far as that was seen. */
  #sinceMs: number | undefined;
  #isDue = false;
  /** Requests that were executed since the last batch was taken: in a steady load as many come again. */
  #expected = 0;
  #hasTaken = false;

  /** `limits` where the engine's batches are smaller than its options would have them. */
  constructor(outbox: Outbox, pending: Pending, limits: BatchLimits = outbox.options) {
    this.#outbox = outbox;
    this.#pending = pending;
    this.#limits = limits;
  }

  /** Whether there is something to propose now. Where it is too soon, a timer will say when. */
  isReady(isIdle: boolean): boolean {
    const { waiting } = this.#pending;
    if (waiting === 0) return false;
    const { options, nowMs } = this.#outbox;
    if (this.#isDue || this.#pending.fillsBatch(this.#limits)) return true;
    const isUnknown = isIdle && this.#expected === 0;
    if (isIdle && !isUnknown && waiting >= this.#expected) return true;
    this.#sinceMs ??= nowMs;
    const { batchDelayMs, idleDelayMs } = options;
    const delayMs = isUnknown ? Math.min(idleDelayMs, batchDelayMs) : batchDelayMs;
    const leftMs = this.#sinceMs + delayMs - nowMs;
    if (leftMs <= 0) return true;
    this.#outbox.startTimerBy(BATCH, leftMs);
    return false;
  }

  /** A batch has left. */
  taken(): void {
    this.#isDue = false;
    this.#sinceMs = undefined;
    this.#hasTaken = true;
    this.#outbox.stopTimer(BATCH);
  }

  /** A batch of so many of this replica's requests was executed. */
  executed(requests: number): void {
    if (requests === 0) return;
    const { batchRequestsMax } = this.#limits;
    const before = this.#hasTaken ? 0 : this.#expected;
    this.#expected = Math.min(before + requests, batchRequestsMax);
    this.#hasTaken = false;
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (name !== BATCH) return false;
    this.#isDue = true;
    return true;
  }
}
