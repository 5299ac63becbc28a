import type { VerificationError } from '../../agreement/check-signature.js';
import { Shares, streamsMax } from '../../kernel/http/shares.js';
import type { SessionEvent, SessionInput, SessionOutput, SessionReplyId } from '../core/outbox.js';
import { type SessionProblem, SessionProblemError } from '../http/problem.js';
import { type RunSubmission, requireSize } from '../http/run-json.js';
import type { SessionAnswer } from '../http/status-json.js';
import { type Owners, verifyRun } from '../owners.js';
import type { SessionId, StateProof, VerifiedRun } from '../types.js';
import { Replies, type SessionQuestion, type SessionReply } from './replies.js';

export type OnEvent = (event: SessionEvent) => void;

/** Streams of one owner's sessions, through whatever addresses. */
const streamsOfOwnerMax = streamsMax / 8;
const watchersOfSessionMax = 32;
const busyMs = 5000;

/** From where a session is watched, and how many of its streams there may be from there. */
export interface WatchedFrom {
  readonly principal: string;
  readonly partOf: (max: number) => number;
}

interface Watched {
  readonly listeners: Set<OnEvent>;
  readonly places: Shares;
}

/** The receivers of what becomes of sessions' operations. */
export class Watchers {
  readonly #sessions = new Map<SessionId, Watched>();
  readonly #shares = new Shares(streamsMax);

  get count(): number {
    return this.#shares.count;
  }

  /** Throws `SessionProblemError` where too many watch. Returns what ends it. */
  add(session: SessionId, owner: string, from: WatchedFrom, onEvent: OnEvent): () => void {
    const watched = this.#sessions.get(session) ?? {
      listeners: new Set(),
      places: new Shares(watchersOfSessionMax),
    };
    const place = watched.places.take(from.principal, from.partOf(watchersOfSessionMax));
    const release = place && this.#shares.take(owner, streamsOfOwnerMax);
    if (place === undefined || release === undefined) {
      place?.();
      throw new SessionProblemError({
        code: 'busy',
        retryAfterMs: busyMs,
        reason: place
          ? 'too many streams of this owner'
          : 'too many streams of this session, from this address or in all',
      });
    }
    watched.listeners.add(onEvent);
    this.#sessions.set(session, watched);
    return () => {
      if (!watched.listeners.delete(onEvent)) return;
      place();
      release();
      if (watched.listeners.size === 0 && this.#sessions.get(session) === watched) {
        this.#sessions.delete(session);
      }
    };
  }

  tell(session: SessionId, event: SessionEvent): void {
    for (const onEvent of this.#sessions.get(session)?.listeners ?? []) onEvent(event);
  }
}

/** What the ports serve; the same for JSON and SOAP. All throw `SessionProblemError`. */
export interface SessionServiceOptions {
  readonly owners: Owners;
  /** False where the core is too busy. */
  submit(input: SessionInput): boolean;
  /** Why nothing can be asked for now; `undefined` where it can. */
  outOfService(): string | undefined;
  /** Milliseconds of a clock that never goes back. */
  nowMs(): number;
  /** The time of day, for certificates. */
  today(): Date;
  /** For one answer; 5000 unless given. */
  readonly timeoutMs?: number;
  /** Requests that wait for an answer; 1024 unless given. */
  readonly waitingMax?: number;
}

/** Twice the sessions that are held at a time. */
const ownersOfSessionsMax = 16_384;

/** Outputs for those outside. */
export type ServiceOutput = SessionReply | Extract<SessionOutput, { readonly kind: 'event' }>;

export class SessionService {
  readonly #options: SessionServiceOptions;
  readonly #replies: Replies;
  readonly #watchers = new Watchers();
  readonly #ownersOf = new Map<SessionId, string>();

  constructor(options: SessionServiceOptions) {
    const { timeoutMs = 5000, waitingMax = 1024 } = options;
    this.#options = options;
    const { submit, outOfService } = options;
    this.#replies = new Replies({ submit, outOfService, timeoutMs, waitingMax });
  }

  get figures(): { readonly waiting: number; readonly watchers: number } {
    return { waiting: this.#replies.count, watchers: this.#watchers.count };
  }

  /** Takes operations of a session: answers with what they are likely to come to. */
  perform(submission: RunSubmission): Promise<SessionAnswer> {
    requireSize(submission.run);
    const run = this.#verified(submission);
    this.#noteOwner(run);
    const nowMs = this.#options.nowMs();
    const { commit } = submission;
    return this.#answer((replyId) => ({ kind: 'run', replyId, run, commit, nowMs }));
  }

  /** Has what waits of the session ordered now. */
  commit(session: SessionId): Promise<SessionAnswer> {
    const nowMs = this.#options.nowMs();
    return this.#answer((replyId) => ({ kind: 'commit', replyId, session, nowMs }));
  }

  /** Where the session's operations stand, from this number on. */
  status(session: SessionId, from: number): Promise<SessionAnswer> {
    return this.#answer((replyId) => ({ kind: 'status', replyId, session, from }));
  }

  /** Throws where nothing can be asked for now. */
  requireInService(): void {
    const reason = this.#options.outOfService();
    if (reason !== undefined) throw new SessionProblemError({ code: 'unavailable', reason });
  }

  /** The value under a key with its proof; `null` where there is none. */
  async prove(application: string, key: string): Promise<StateProof | null> {
    const nowMs = this.#options.nowMs();
    const reply = await this.#replies.ask((replyId) => ({
      kind: 'prove',
      replyId,
      application,
      key,
      nowMs,
    }));
    if (reply.kind !== 'proved') throw new Error('another answer than asked for');
    return reply.proof;
  }

  /** This replica's signed statement of how far the session is in the order. */
  async attest(session: SessionId): Promise<Extract<SessionReply, { readonly kind: 'attested' }>> {
    const reply = await this.#replies.ask((replyId) => ({ kind: 'attest', replyId, session }));
    if (reply.kind !== 'attested') throw new Error('another answer than asked for');
    return reply;
  }

  /**
   * Sends where the session's operations stand from this number on, and then what becomes of them.
   * Rejects where the session is not known or too many watch. Resolves to what ends it.
   */
  watch(
    session: SessionId,
    from: number,
    watcher: WatchedFrom,
    onEvent: OnEvent,
  ): Promise<() => void> {
    return new Promise((resolve, reject) => {
      let isLive = false;
      const owner = this.#ownersOf.get(session) ?? session;
      const end = this.#watchers.add(session, owner, watcher, (event) => {
        if (isLive && event.sequence >= from) onEvent(event);
      });
      this.#replies.askNow(
        (replyId) => ({ kind: 'status', replyId, session, from }),
        (reply) => {
          // What was sent before this reply is in it, and what follows is later.
          isLive = true;
          const statuses = reply.kind === 'answer' ? reply.statuses : [];
          for (const status of statuses) onEvent({ kind: 'operation', ...status });
          resolve(end);
        },
        (problem) => {
          end();
          reject(new SessionProblemError(problem));
        },
      );
    });
  }

  take(output: ServiceOutput): void {
    if (output.kind === 'event') this.#watchers.tell(output.session, output.event);
    else this.#replies.answer(output);
  }

  /** Refuses all that wait: no answer will come. */
  dismissAll(): void {
    this.#replies.dismissAll();
  }

  /** Streams are shared out by owner; a session whose run has not come here counts for itself. */
  #noteOwner({ session, run }: VerifiedRun): void {
    this.#ownersOf.delete(session);
    this.#ownersOf.set(session, run.header.owner);
    const [oldest] = this.#ownersOf.keys();
    if (oldest !== undefined && this.#ownersOf.size > ownersOfSessionsMax) {
      this.#ownersOf.delete(oldest);
    }
  }

  async #answer(question: (replyId: SessionReplyId) => SessionQuestion): Promise<SessionAnswer> {
    const reply = await this.#replies.ask(question);
    if (reply.kind !== 'answer') throw new Error('another answer than asked for');
    const { session, next, statuses } = reply;
    return { session, next, statuses };
  }

  #verified({ run }: RunSubmission): VerifiedRun {
    const verified = verifyRun(this.#options.owners, run);
    if (!verified.ok) throw new SessionProblemError(problemOf(verified.error));
    this.#requireInForce(run.header.certificate);
    return verified.value;
  }

  #requireInForce(certificate: Uint8Array): void {
    const owner = this.#options.owners.ownerOf(certificate);
    const { validFromMs = 0, validToMs = 0 } = owner ?? {};
    const today = this.#options.today().getTime();
    if (validFromMs <= today && today <= validToMs) return;
    const [from, to] = [validFromMs, validToMs].map((ms) => new Date(ms).toISOString());
    throw new SessionProblemError({
      code: 'not-owner',
      reason: `the owner's certificate is valid from ${from} to ${to} only`,
    });
  }
}

function problemOf(error: VerificationError): SessionProblem {
  const what = error.code === 'mismatch' ? error.what : error.code;
  const isOwners = ownersFaults.has(what);
  const reason = isOwners ? `the run's ${what} do not fit` : `the run: ${what}`;
  return { code: isOwners ? 'not-owner' : 'malformed', reason };
}

/** What `verifyRun` says of runs that are well-formed but not the owner's. */
const ownersFaults: ReadonlySet<string> = new Set([
  'certificate and authority',
  'certificate and owner',
  'signature and owner',
]);
