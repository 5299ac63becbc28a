import type { SessionEvent } from '../../core/session/messages.js';
import { streamsMax } from '../../edge/http/http-limits.js';
import { Shares } from '../../edge/http/shares.js';
import { SessionProblemError } from '../../edge/session/problem.js';
import type { SessionId } from '../../vocabulary/session.js';

export type OnEvent = (event: SessionEvent) => void;

/** Streams of one owner's sessions, through whatever addresses. */
const streamsOfOwnerMax = streamsMax / 8;
const watchersOfSessionMax = 32;
const busyMs = 5000;

/** Who is told what becomes of sessions' operations. */
export class Watchers {
  readonly #sessions = new Map<SessionId, Set<OnEvent>>();
  readonly #shares = new Shares(streamsMax);

  get count(): number {
    return this.#shares.count;
  }

  /** Throws `SessionProblemError` where too many watch. Returns what ends it. */
  add(session: SessionId, owner: string, onEvent: OnEvent): () => void {
    const watchers = this.#sessions.get(session) ?? new Set();
    const isFull = watchers.size >= watchersOfSessionMax;
    const release = isFull ? undefined : this.#shares.take(owner, streamsOfOwnerMax);
    if (release === undefined) {
      throw new SessionProblemError({
        code: 'busy',
        retryAfterMs: busyMs,
        reason: 'too many streams of this session, or of its owner',
      });
    }
    this.#sessions.set(session, watchers.add(onEvent));
    return () => {
      if (!watchers.delete(onEvent)) return;
      release();
      if (watchers.size === 0 && this.#sessions.get(session) === watchers) {
        this.#sessions.delete(session);
      }
    };
  }

  tell(session: SessionId, event: SessionEvent): void {
    for (const onEvent of this.#sessions.get(session) ?? []) onEvent(event);
  }
}
