import type { ReplicaId } from '../../vocabulary/ids.js';
import {
  lastOf,
  type ReceiptStatement,
  type SessionId,
  type SessionRun,
} from '../../vocabulary/session.js';
import type { SessionMessage } from '../../vocabulary/session-messages.js';
import type { Signed } from '../../vocabulary/statements.js';
import type { HeldSession } from './held.js';
import type { HeldSessions } from './held-sessions.js';
import type { SessionOutbox } from './outbox.js';

const PASS_ON = 'pass-on/';
/** Sessions that a replica shows a peer that is there again. */
const shownMax = 256;

/**
 * Shows the other replicas what this one has promised, so that they keep and witness it. A session's first
 * operation goes at once; those that come within `passOnAfterMs` of it go together after that time: a
 * program that makes one operation after the other costs the others one message, one write and one answer
 * for all of them, and a person waits for nothing.
 */
export class PassingOn {
  readonly #outbox: SessionOutbox;
  readonly #held: HeldSessions;

  constructor({ outbox, held }: { readonly outbox: SessionOutbox; readonly held: HeldSessions }) {
    this.#outbox = outbox;
    this.#held = held;
  }

  /** This replica has promised more of the session. */
  promised(held: HeldSession): void {
    if (!this.#outbox.isTimed(`${PASS_ON}${held.id}`)) this.#passOn(held);
  }

  /** A peer lacks operations from this number on. */
  onFetch(from: ReplicaId, session: SessionId, next: number): void {
    const held = this.#held.get(session);
    const run = held?.runFrom(next);
    if (held && run) this.#outbox.send(from, messageOf(held, run));
  }

  /** A peer is there again: it may have missed what this replica promised. */
  greet(replica: ReplicaId): void {
    let shown = 0;
    for (const held of this.#held.values()) {
      const promised = held.from(1).find(({ receipt }) => receipt !== undefined);
      if (!promised) continue;
      this.onFetch(replica, held.id, promised.sequence);
      shown += 1;
      if (shown >= shownMax) return;
    }
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    if (!name.startsWith(PASS_ON)) return false;
    const held = this.#held.get(name.slice(PASS_ON.length) as SessionId);
    if (held) this.#passOn(held);
    return true;
  }

  #passOn(held: HeldSession): void {
    const first = held.from(held.passedOn + 1).find(({ receipt }) => receipt !== undefined);
    const run = first && held.runFrom(first.sequence);
    if (!run) return;
    held.passedOn = lastOf(run);
    this.#outbox.broadcast(messageOf(held, run));
    this.#outbox.startTimer(`${PASS_ON}${held.id}`, this.#outbox.options.passOnAfterMs);
  }
}

function messageOf(held: HeldSession, run: SessionRun): SessionMessage {
  const last = lastOf(run);
  const receipts = held
    .from(run.first)
    .flatMap(({ sequence, receipt }): Signed<ReceiptStatement>[] =>
      receipt && sequence <= last ? [receipt] : [],
    );
  return { kind: 'run', run, receipts };
}
