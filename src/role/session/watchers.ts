import type { SessionEvent } from '../../core/session/messages.js';
import { SessionProblemError } from '../../edge/session/problem.js';
import type { SessionId } from '../../vocabulary/session.js';

export type OnEvent = (event: SessionEvent) => void;

const watchersMax = 1024;
const watchersOfSessionMax = 32;
const busyMs = 5000;

/** Who is told what becomes of sessions' operations. */
export class Watchers {
  readonly #sessions = new Map<SessionId, Set<OnEvent>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Throws `SessionProblemError` where too many watch. Returns what ends it. */
  add(session: SessionId, onEvent: OnEvent): () => void {
    const watchers = this.#sessions.get(session) ?? new Set();
    if (this.#count >= watchersMax || watchers.size >= watchersOfSessionMax) {
      throw new SessionProblemError({
        code: 'busy',
        retryAfterMs: busyMs,
        reason: 'too many streams',
      });
    }
    this.#sessions.set(session, watchers.add(onEvent));
    this.#count += 1;
    return () => {
      if (!watchers.delete(onEvent)) return;
      this.#count -= 1;
      if (watchers.size === 0 && this.#sessions.get(session) === watchers) {
        this.#sessions.delete(session);
      }
    };
  }

  tell(session: SessionId, event: SessionEvent): void {
    for (const onEvent of this.#sessions.get(session) ?? []) onEvent(event);
  }
}
