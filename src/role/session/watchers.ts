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

/** From where a session is watched, and how many of its streams there may be from there. */
export interface WatchedFrom {
  readonly principal: string;
  readonly partOf: (max: number) => number;
}

interface Watched {
  readonly listeners: Set<OnEvent>;
  readonly places: Shares;
}

/** Who is told what becomes of sessions' operations. */
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
