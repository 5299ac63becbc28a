import { signSession } from '../../crypto/session/sign.js';
import type { ReplicaId } from '../../vocabulary/ids.js';
import type { SessionId, SessionStatement } from '../../vocabulary/session.js';
import type { SessionFetch, SessionMessage } from '../../vocabulary/session-messages.js';
import type { Signed } from '../../vocabulary/statements.js';
import type { LogLevel, StoredRecord } from '../effects.js';
import type { ReplyId, SessionEvent, SessionOutput, SessionRefusal } from './messages.js';
import type { SessionOptions } from './options.js';

/** Starts the names of timers and keys of sessions; the engine's start otherwise. */
const scope = 'session/';

/**
 * Outputs of a replica in their order. The only place that signs. It also keeps the time: what the last
 * input said, or when its timer was due.
 */
export class SessionOutbox {
  readonly options: SessionOptions;
  readonly #sink: SessionOutput[] = [];
  readonly #dueMs = new Map<string, number>();
  #nowMs = 0;

  constructor(options: SessionOptions) {
    this.options = options;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  advance(nowMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, nowMs);
  }

  sign<S extends SessionStatement>(statement: S): Signed<S> {
    return signSession(this.options.sign, this.options.cluster, statement);
  }

  output(output: SessionOutput): void {
    this.#sink.push(output);
  }

  broadcast(message: SessionMessage): void {
    this.output({ kind: 'broadcast-session', message });
  }

  send(to: ReplicaId, message: SessionMessage): void {
    if (to !== this.options.self) this.output({ kind: 'send-session', to, message });
  }

  /** Asks one replica, or all. */
  askFor(what: SessionFetch, from?: ReplicaId): void {
    if (from === undefined) this.broadcast({ kind: 'fetch', what });
    else this.send(from, { kind: 'fetch', what });
  }

  refuse(replyId: ReplyId, refusal: SessionRefusal): void {
    this.output({ kind: 'refused', replyId, refusal });
  }

  tell(session: SessionId, event: SessionEvent): void {
    this.output({ kind: 'event', session, event });
  }

  persist(key: string, value: Uint8Array | null): void {
    this.output({ kind: 'persist', key: `${scope}${key}`, value });
  }

  startTimer(name: string, delayMs: number): void {
    this.#dueMs.set(name, this.#nowMs + delayMs);
    this.output({ kind: 'start-timer', name: `${scope}${name}`, delayMs });
  }

  /** Leaves the timer alone where it runs. */
  ensureTimer(name: string, delayMs: number): void {
    if (!this.isTimed(name)) this.startTimer(name, delayMs);
  }

  isTimed(name: string): boolean {
    return this.#dueMs.has(name);
  }

  stopTimer(name: string): void {
    if (!this.#dueMs.delete(name)) return;
    this.output({ kind: 'stop-timer', name: `${scope}${name}` });
  }

  isOwn(timer: string): boolean {
    return timer.startsWith(scope);
  }

  /** The timer's own name; undefined where it was stopped. */
  timerRanOut(timer: string): string | undefined {
    const name = timer.slice(scope.length);
    const dueMs = this.#dueMs.get(name);
    if (dueMs === undefined) return undefined;
    this.#dueMs.delete(name);
    this.advance(dueMs);
    return name;
  }

  /** Records whose keys start so, by the rest of their keys. */
  stored(records: readonly StoredRecord[], prefix: string): (readonly [string, Uint8Array])[] {
    const full = `${scope}${prefix}`;
    return records
      .filter(({ key }) => key.startsWith(full))
      .map(({ key, value }) => [key.slice(full.length), value] as const);
  }

  log(level: LogLevel, event: string, data: object): void {
    this.output({ kind: 'log', level, event, data });
  }

  take(): SessionOutput[] {
    return this.#sink.splice(0);
  }
}
