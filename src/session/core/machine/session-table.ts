import { hexOf } from '../../../kernel/codec/text.js';
import type { ClientId, Digest } from '../../../kernel/ids.js';
import type {
  CallResult,
  SessionHeader,
  SessionId,
  SessionOperation,
  SessionStanding,
  SessionTransfer,
} from '../../types.js';

/** How much of the sessions is remembered, the same at every replica. */
export const tableLimits = {
  sessions: 4096,
  /** Of one owner, so that nobody pushes out the others' sessions. */
  sessionsOfOwner: 64,
  /** Places of outcomes that are remembered for each session. */
  positions: 64,
} as const;

/** An operation that is in the order and has no outcome yet. */
export type WaitingOperation = { readonly sequence: number; readonly head: Digest } & (
  | { readonly state: 'queued'; readonly operation: SessionOperation }
  /** Part of an order; its result once that is committed. */
  | {
      readonly state: 'ordered';
      readonly transfers: readonly SessionTransfer[];
      readonly result: string;
    }
  /** Waits only for those before it. */
  | { readonly state: 'settled'; readonly result: CallResult }
);

export interface SessionEntry {
  readonly session: SessionId;
  readonly application: string;
  readonly owner: ClientId;
  /** Hexadecimal; rises with an owner's sessions. */
  readonly nonce: string;
  /** Sequence number of the first operation that is not in the order, and the head before it. */
  next: number;
  head: Digest;
  /** Sequence number of the first operation without an outcome. */
  open: number;
  /** `end` is in the order. */
  ended: boolean;
  /** Where the last operations before `open` became final, oldest first. */
  positions: number[];
  /** From `open` to `next`. */
  waiting: WaitingOperation[];
}

/** How far each session is. The one that has been silent longest gives way. */
export class SessionTable {
  /** In the order of their last operation. */
  readonly #entries = new Map<SessionId, SessionEntry>();
  readonly #ofOwner = new Map<ClientId, Set<SessionId>>();
  /** Of each owner the latest nonce that was forgotten. Bounded by the certificates that were issued. */
  readonly #forgotten = new Map<ClientId, string>();
  #since = 0;

  get(session: SessionId): SessionEntry | undefined {
    return this.#entries.get(session);
  }

  /** In the order of their last operation. */
  values(): IterableIterator<SessionEntry> {
    return this.#entries.values();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Owners with forgotten sessions, and the latest nonce of those. */
  get forgotten(): ReadonlyMap<ClientId, string> {
    return this.#forgotten;
  }

  /** The position at which a session was last forgotten. */
  get since(): number {
    return this.#since;
  }

  /** Whether the session may have been there and was forgotten, so that nothing of it is taken again. */
  isForgotten(session: SessionId, { owner, nonce }: SessionHeader): boolean {
    const latest = this.#forgotten.get(owner);
    return !this.#entries.has(session) && latest !== undefined && hexOf(nonce) <= latest;
  }

  standing(session: SessionId): SessionStanding {
    const entry = this.#entries.get(session);
    const since = this.#since;
    return { next: entry?.next ?? 1, head: entry?.head ?? session, since };
  }

  /** A session's first operation is in the order. */
  open(session: SessionId, header: SessionHeader, position: number): SessionEntry {
    const { application, owner } = header;
    const nonce = hexOf(header.nonce);
    const entry: SessionEntry = {
      ...{ session, application, owner, nonce, next: 1, head: session, open: 1, ended: false },
      ...{ positions: [], waiting: [] },
    };
    this.add(entry);
    const own = this.#ofOwner.get(owner) ?? new Set();
    if (own.size > tableLimits.sessionsOfOwner) this.#forgetSilent(own, session, position);
    if (this.#entries.size > tableLimits.sessions) {
      this.#forgetSilent(this.#entries.keys(), session, position);
    }
    return entry;
  }

  /** It has been active just now. */
  touch(entry: SessionEntry): void {
    this.#entries.delete(entry.session);
    this.#ofOwner.get(entry.owner)?.delete(entry.session);
    this.add(entry);
  }

  /** Puts it last. */
  add(entry: SessionEntry): void {
    this.#entries.set(entry.session, entry);
    const own = this.#ofOwner.get(entry.owner) ?? new Set();
    this.#ofOwner.set(entry.owner, own.add(entry.session));
  }

  /** Empties it; `forgotten` and `since` are what a snapshot says. */
  reset(forgotten: ReadonlyMap<ClientId, string>, since: number): void {
    this.#entries.clear();
    this.#ofOwner.clear();
    this.#forgotten.clear();
    for (const [owner, nonce] of forgotten) this.#forgotten.set(owner, nonce);
    this.#since = since;
  }

  /** Sessions with operations that wait for orders stay; there are fewer of them than the table holds. */
  #forgetSilent(sessions: Iterable<SessionId>, except: SessionId, position: number): void {
    for (const session of sessions) {
      const entry = this.#entries.get(session);
      if (!entry || session === except || entry.waiting.length > 0) continue;
      this.#entries.delete(session);
      const own = this.#ofOwner.get(entry.owner);
      own?.delete(session);
      if (own?.size === 0) this.#ofOwner.delete(entry.owner);
      const latest = this.#forgotten.get(entry.owner);
      if (latest === undefined || latest < entry.nonce) {
        this.#forgotten.set(entry.owner, entry.nonce);
      }
      this.#since = position;
      return;
    }
  }
}
