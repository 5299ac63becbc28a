import type { CommonOutput, LogLevel, StoredRecord } from '../../kernel/core.js';
import type { Brand, Digest, ReplicaId } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import type { OrderingMessage, VerifiedOrderingMessage } from '../../ordering/types.js';
import type { SessionFetch, SessionMessage, VerifiedSessionMessage } from '../message.js';
import { signSession } from '../proof.js';
import type {
  AttestationStatement,
  CallResult,
  CertifiedOrder,
  OutcomeProof,
  ReceiptStatement,
  SessionId,
  SessionStanding,
  SessionStatement,
  StateProof,
  VerifiedRun,
  WitnessStatement,
} from '../types.js';
import type { SessionOptions } from './application.js';

/** Names a caller that waits for an answer; made up by the edge. */
export type SessionReplyId = Brand<number, 'ReplyId'>;

/** A receipt with the result that it promises. */
export interface Receipt {
  readonly receipt: Signed<ReceiptStatement>;
  readonly result: CallResult;
}

/** Where one operation stands. Later kinds replace earlier ones. */
export type OperationStatus =
  | ({ readonly kind: 'provisional' } & Receipt)
  /** `f + 1` other replicas have it too and simulated the same. */
  | ({
      readonly kind: 'witnessed';
      readonly witnesses: readonly Signed<WitnessStatement>[];
    } & Receipt)
  /**
   * Final. `committed` where the simulation was right, `changed` where it was committed with another
   * result, `aborted` where it was rejected in the agreed order. `simulated` is what this replica had
   * said, if it had.
   */
  | {
      readonly kind: 'committed' | 'changed' | 'aborted';
      readonly result: CallResult;
      readonly simulated?: CallResult;
      readonly proof: OutcomeProof;
    };

/** What a client that watches a session receives. */
export type SessionEvent =
  | { readonly kind: 'operation'; readonly sequence: number; readonly status: OperationStatus }
  /** Another replica simulated something else: the result is less likely than it was. */
  | { readonly kind: 'doubted'; readonly sequence: number; readonly by: ReplicaId };

export type SessionRefusal =
  /** Operations before these are unknown here: send those from `next` on, too. */
  | { readonly code: 'gap'; readonly next: number }
  /** Another operation has this number, or the chain of heads does not fit. */
  | { readonly code: 'conflict'; readonly sequence: number }
  | { readonly code: 'ended' }
  | { readonly code: 'unknown-application'; readonly name: string }
  | { readonly code: 'unknown-session' }
  /** The application fails on an operation here, for want of memory or the like: ask another coordinator. */
  | { readonly code: 'unavailable'; readonly reason: string }
  /** Try again after so long. The reason says whose share is full, where it is one. */
  | { readonly code: 'busy'; readonly retryAfterMs: number; readonly reason: string };

export type SessionInput =
  /** From a client. Answered with `answer` or `refused`. `commit`: and order them at once. */
  | {
      readonly kind: 'run';
      readonly replyId: SessionReplyId;
      readonly run: VerifiedRun;
      readonly commit: boolean;
      readonly nowMs: number;
    }
  /** Order what waits of this session. Answered with the statuses of what is not final. */
  | {
      readonly kind: 'commit';
      readonly replyId: SessionReplyId;
      readonly session: SessionId;
      readonly nowMs: number;
    }
  /** Where its operations stand from this number on. */
  | {
      readonly kind: 'status';
      readonly replyId: SessionReplyId;
      readonly session: SessionId;
      readonly from: number;
    }
  /** Prove the value under a key of an application's state. */
  | {
      readonly kind: 'prove';
      readonly replyId: SessionReplyId;
      readonly application: string;
      readonly key: string;
      readonly nowMs: number;
    }
  /** Say and sign how far this replica's order has the session. Answered with `attested`. */
  | { readonly kind: 'attest'; readonly replyId: SessionReplyId; readonly session: SessionId }
  | { readonly kind: 'session'; readonly message: VerifiedSessionMessage; readonly nowMs: number }
  | { readonly kind: 'ordering'; readonly message: VerifiedOrderingMessage; readonly nowMs: number }
  | { readonly kind: 'peer-up'; readonly replica: ReplicaId }
  /** What this replica's coordinator says of an order. */
  | {
      readonly kind: 'order-ended';
      readonly lane: number;
      readonly number: number;
      readonly outcome: 'committed' | { readonly aborted: string };
      readonly nowMs: number;
    };

export type SessionOutput =
  | CommonOutput
  | {
      readonly kind: 'answer';
      readonly replyId: SessionReplyId;
      readonly session: SessionId;
      readonly next: number;
      readonly statuses: readonly { readonly sequence: number; readonly status: OperationStatus }[];
    }
  | { readonly kind: 'proved'; readonly replyId: SessionReplyId; readonly proof: StateProof | null }
  | {
      readonly kind: 'attested';
      readonly replyId: SessionReplyId;
      readonly attestation: Signed<AttestationStatement>;
      readonly standing: SessionStanding;
    }
  | { readonly kind: 'refused'; readonly replyId: SessionReplyId; readonly refusal: SessionRefusal }
  | { readonly kind: 'event'; readonly session: SessionId; readonly event: SessionEvent }
  | { readonly kind: 'send-session'; readonly to: ReplicaId; readonly message: SessionMessage }
  | { readonly kind: 'broadcast-session'; readonly message: SessionMessage }
  | { readonly kind: 'send-ordering'; readonly to: ReplicaId; readonly message: OrderingMessage }
  | { readonly kind: 'broadcast-ordering'; readonly message: OrderingMessage }
  /** Have the initiators do this. Said again until `order-ended` comes; asking twice does no harm. */
  | { readonly kind: 'run-order'; readonly order: CertifiedOrder }
  /** This order is open: watch this replica's coordinator for its outcome. */
  | {
      readonly kind: 'watch-order';
      readonly lane: number;
      readonly number: number;
      readonly transfers: Digest;
    };

const LATER = 'later';
/** The longest that what may wait is written without anything else. */
const laterMs = 1000;

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
  /** What goes to disk with the next write, by key. */
  readonly #later = new Map<string, Uint8Array | null>();
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

  refuse(replyId: SessionReplyId, refusal: SessionRefusal): void {
    this.output({ kind: 'refused', replyId, refusal });
  }

  tell(session: SessionId, event: SessionEvent): void {
    this.output({ kind: 'event', session, event });
  }

  persist(key: string, value: Uint8Array | null): void {
    this.#later.delete(key);
    this.output({ kind: 'persist', key: `${scope}${key}`, value });
  }

  /**
   * For what a restart finds out again: it holds nothing up, and goes to disk with what is written next, within a
   * second. So it needs no synced write of its own.
   */
  persistLater(key: string, value: Uint8Array | null): void {
    this.#later.delete(key);
    this.#later.set(key, value);
    this.ensureTimer(LATER, laterMs);
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
    if (name === LATER) this.#sink.push(...this.#takeLater());
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
    const last = this.#sink.findLastIndex(({ kind }) => kind === 'persist');
    if (last >= 0) this.#sink.splice(last + 1, 0, ...this.#takeLater());
    return this.#sink.splice(0);
  }

  #takeLater(): SessionOutput[] {
    const writes = [...this.#later].map(
      ([key, value]) => ({ kind: 'persist', key: `${scope}${key}`, value }) as const,
    );
    this.#later.clear();
    return writes;
  }
}
