import { type ReplicaId, replicaId } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import type { SessionMessage } from '../message.js';
import { lastOf, type ReceiptStatement, type SessionId, type SessionRun } from '../types.js';
import type { HeldOperation, HeldSession } from './held.js';
import type { HeldSessions } from './held-sessions.js';
import type { SessionMachine } from './machine/machine.js';
import type { SessionOutbox } from './outbox.js';
import type { Statuses } from './reconciliation.js';

const PASS_ON = 'pass-on/';
const WIDEN = 'widen/';
/** Sessions that a replica shows a peer that is there again. */
const shownMax = 256;

/**
 * Shows other replicas what this one has promised, so that they keep and witness it. Operations of a session
 * that come within `passOnAfterMs` of each other go together: they cost the others one message, one write and
 * one answer. As many replicas as have to witness an operation are asked, and all once that many do not
 * witness it in time. What is in the order is not passed on, and what is on its way there only if that takes long:
 * the order shows it to all.
 */
export class PassingOn {
  readonly #outbox: SessionOutbox;
  readonly #machine: SessionMachine;
  readonly #held: HeldSessions;
  readonly #statuses: Statuses;
  /** Replicas that have not witnessed in time what they were shown last: others are asked before them. */
  readonly #silent = new Set<ReplicaId>();

  constructor(parts: {
    readonly outbox: SessionOutbox;
    readonly machine: SessionMachine;
    readonly held: HeldSessions;
    readonly statuses: Statuses;
  }) {
    this.#outbox = parts.outbox;
    this.#machine = parts.machine;
    this.#held = parts.held;
    this.#statuses = parts.statuses;
  }

  /** This replica has promised more of the session. */
  promised(held: HeldSession): void {
    const { passOnAfterMs } = this.#outbox.options;
    if (!held.isPutOff || held.submission) {
      return this.#outbox.ensureTimer(`${PASS_ON}${held.id}`, passOnAfterMs);
    }
    // What was put off for the order's sake is there.
    held.isPutOff = false;
    this.#outbox.startTimer(`${PASS_ON}${held.id}`, passOnAfterMs);
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
      const [promised] = promisedFrom(held, 1);
      if (!promised) continue;
      this.onFetch(replica, held.id, promised.sequence);
      shown += 1;
      if (shown >= shownMax) return;
    }
  }

  /** A peer has witnessed what it was shown. */
  witnessed(replica: ReplicaId): void {
    this.#silent.delete(replica);
  }

  /** Returns false where the timer is not this. */
  onTimer(name: string): boolean {
    const isFirst = name.startsWith(PASS_ON);
    if (!isFirst && !name.startsWith(WIDEN)) return false;
    const held = this.#held.get(name.slice(name.indexOf('/') + 1) as SessionId);
    if (held && isFirst) this.#passOn(held);
    else if (held) this.#widen(held);
    return true;
  }

  #passOn(held: HeldSession): void {
    const { passOnAfterMs, resendAfterMs } = this.#outbox.options;
    const [first] = promisedFrom(held, Math.max(held.passedOn + 1, this.#nextOf(held)));
    if (!first) return;
    const isUnderWay = first.sequence <= (held.submission?.through ?? 0);
    if (isUnderWay && !held.isPutOff) {
      held.isPutOff = true;
      return this.#outbox.startTimer(`${PASS_ON}${held.id}`, resendAfterMs);
    }
    held.isPutOff = false;
    const run = held.runFrom(first.sequence);
    if (!run) return;
    held.passedOn = lastOf(run);
    const message = messageOf(held, run);
    for (const replica of this.#asked()) this.#outbox.send(replica, message);
    this.#outbox.ensureTimer(`${WIDEN}${held.id}`, resendAfterMs);
    if (promisedFrom(held, held.passedOn + 1).length === 0) return;
    this.#outbox.startTimer(`${PASS_ON}${held.id}`, passOnAfterMs);
  }

  /** Too few have witnessed what was passed on: all are asked. */
  #widen(held: HeldSession): void {
    const open = promisedFrom(held, this.#nextOf(held));
    const lacking = open.find(
      ({ sequence, witnesses }) =>
        sequence <= held.passedOn && witnesses.size < this.#statuses.witnessesNeeded,
    );
    // From the first on: others know nothing of the session yet.
    const run = lacking && open[0] && held.runFrom(open[0].sequence);
    if (!run) return;
    for (const replica of this.#asked()) {
      if (!lacking.witnesses.has(replica)) this.#silent.add(replica);
    }
    this.#outbox.broadcast(messageOf(held, run));
  }

  /** The first operation that is not in the order. */
  #nextOf({ id }: HeldSession): number {
    return this.#machine.table.get(id)?.next ?? 1;
  }

  /** The next ones after this replica, those that answer before those that do not. */
  #asked(): readonly ReplicaId[] {
    const { self, resilience } = this.#outbox.options;
    const others = Array.from({ length: resilience.n - 1 }, (_, index) =>
      replicaId((self + 1 + index) % resilience.n),
    );
    const silent = others.filter((replica) => this.#silent.has(replica));
    const answering = others.filter((replica) => !this.#silent.has(replica));
    return [...answering, ...silent].slice(0, this.#statuses.witnessesNeeded);
  }
}

/** Operations from this number on that this replica has promised. */
function promisedFrom(held: HeldSession, sequence: number): readonly HeldOperation[] {
  return held.from(sequence).filter(({ receipt }) => receipt !== undefined);
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
