import { signOrdering } from '../../crypto/ordering/sign.js';
import type { ReplicaId } from '../../vocabulary/ids.js';
import type {
  OrderingMessage,
  OrderingScope,
  OrderingStatement,
} from '../../vocabulary/ordering.js';
import type { Signed } from '../../vocabulary/statements.js';
import type { LogLevel, StoredRecord } from '../effects.js';
import type { OrderingOptions, OrderingOutput } from './engine.js';

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
  /** While the log is replayed, nobody is told what was told before. */
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

  take(): OrderingOutput[] {
    return this.#sink.splice(0);
  }

  #scoped(message: OutgoingMessage): OrderingMessage {
    return { ...message, scope: this.scope };
  }

  #withoutScope(name: string): string | undefined {
    const prefix = `${this.scope}/`;
    return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
  }
}
