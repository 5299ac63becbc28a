import { invariant } from '../../kernel/core.js';
import type { Signed } from '../../kernel/signed.js';
import {
  lastOf,
  type ReceiptStatement,
  type SessionId,
  sessionLimits,
  type VerifiedRun,
} from '../types.js';
import { heldLimits } from './application.js';
import type { Finals } from './finals.js';
import { fitOf, type HeldOperation } from './held.js';
import type { HeldSessions } from './held-sessions.js';
import type { SessionMachine } from './machine/machine.js';
import type { SessionOutbox, SessionRefusal, SessionReplyId } from './outbox.js';
import type { PassingOn } from './passing-on.js';
import type { Statuses } from './reconciliation.js';
import type { Submissions } from './submissions.js';

/** Operations of this replica's clients: simulated, promised, answered, and passed on. */
export class Intake {
  readonly #outbox: SessionOutbox;
  readonly #machine: SessionMachine;
  readonly #held: HeldSessions;
  readonly #finals: Finals;
  readonly #statuses: Statuses;
  readonly #submissions: Submissions;
  readonly #passingOn: PassingOn;
  readonly #position: () => number;
  readonly #forgottenThrough: () => number | undefined;
  /** Operations promised so far. */
  promised = 0;

  constructor(parts: {
    readonly outbox: SessionOutbox;
    readonly machine: SessionMachine;
    readonly held: HeldSessions;
    readonly finals: Finals;
    readonly statuses: Statuses;
    readonly submissions: Submissions;
    readonly passingOn: PassingOn;
    /** The last position that the engine has applied. */
    readonly position: () => number;
    /** The last that it may have been at in a life whose store was lost. */
    readonly forgottenThrough: () => number | undefined;
  }) {
    this.#outbox = parts.outbox;
    this.#machine = parts.machine;
    this.#held = parts.held;
    this.#finals = parts.finals;
    this.#statuses = parts.statuses;
    this.#submissions = parts.submissions;
    this.#passingOn = parts.passingOn;
    this.#position = parts.position;
    this.#forgottenThrough = parts.forgottenThrough;
  }

  onRun(replyId: SessionReplyId, verified: VerifiedRun, commit: boolean): void {
    const { run, session } = verified;
    const { self } = this.#outbox.options;
    const refusal = this.#refusal(verified);
    if (refusal) return this.#outbox.refuse(replyId, refusal);
    const held = this.#held.take(verified, this.#statuses.next(session), self);
    const last = lastOf(run);
    const operations = held?.from(run.first).filter(({ sequence }) => sequence <= last) ?? [];
    const fresh = operations.filter(({ receipt }) => receipt === undefined);
    for (const operation of fresh) operation.receipt = this.#promise(session, operation);
    this.#held.keep(fresh);
    if (this.#statuses.next(session) <= last) this.#refuseFailed(replyId);
    else this.#answer(replyId, session, run.first);
    if (!held) return;
    if (fresh.length > 0) this.#passingOn.promised(held);
    this.#submissions.consider(held, commit);
  }

  #refuseFailed(replyId: SessionReplyId): void {
    const reason = 'the application fails on an operation here; ask another coordinator';
    this.#outbox.refuse(replyId, { code: 'unavailable', reason });
  }

  onCommit(replyId: SessionReplyId, session: SessionId): void {
    if (!this.#statuses.isKnown(session)) return this.#unknown(replyId);
    this.#answer(replyId, session, this.#machine.table.get(session)?.open ?? 1);
    const held = this.#held.get(session);
    if (held) this.#submissions.consider(held, true);
  }

  onStatus(replyId: SessionReplyId, session: SessionId, from: number): void {
    if (!this.#statuses.isKnown(session)) return this.#unknown(replyId);
    this.#answer(replyId, session, from);
  }

  #refusal(verified: VerifiedRun): SessionRefusal | undefined {
    const { run, session } = verified;
    const { table, settling } = this.#machine;
    if (!settling.knows(run.header.application)) {
      return { code: 'unknown-application', name: run.header.application };
    }
    const entry = table.get(session);
    if (this.#hasForgotten && lastOf(run) >= (entry?.next ?? 1)) {
      const reason = 'this coordinator has lost its store and does not know what it has promised';
      return { code: 'unavailable', reason };
    }
    if (table.isForgotten(session, run.header)) return { code: 'ended' };
    const fit = fitOf(verified, this.#held.get(session), entry);
    switch (fit.kind) {
      case 'gap':
        return { code: 'gap', next: fit.next };
      case 'conflict':
        return { code: 'conflict', sequence: fit.sequence };
      case 'ended':
        return { code: 'ended' };
      case 'fits': {
        if (lastOf(run) < fit.next) return undefined;
        const reason = this.#reasonToWait(verified, fit.next);
        if (reason === undefined) return undefined;
        return { code: 'busy', retryAfterMs: heldLimits.retryAfterMs, reason };
      }
    }
  }

  /** Why operations of the run that are new cannot be taken now. */
  #reasonToWait(verified: VerifiedRun, next: number): string | undefined {
    const { run, session } = verified;
    const open = this.#machine.table.get(session)?.open ?? 1;
    if (lastOf(run) - open >= sessionLimits.openOperations) {
      return `${sessionLimits.openOperations} operations of the session are not final yet`;
    }
    const full = this.#held.fullFor(verified, next, this.#outbox.options.self);
    if (full) {
      const whose = full.of === 'owner' ? run.header.owner : 'this coordinator’s clients';
      return `the share of ${whose} is full: ${full.what} that are not final yet`;
    }
    // The deadline of a promise might be over.
    return this.#isBehind ? 'this coordinator has to catch up first' : undefined;
  }

  /**
   * It may have promised these operations before its store was lost, and otherwise. Past all deadlines of such
   * promises it promises again: what is not in the order by then was promised in vain.
   */
  get #hasForgotten(): boolean {
    const through = this.#forgottenThrough();
    if (through === undefined) return false;
    return this.#position() <= through + this.#outbox.options.promisePositions;
  }

  /** The others are so far ahead that this replica promises nothing. */
  get #isBehind(): boolean {
    return this.#finals.othersAt > this.#position() + this.#outbox.options.promisePositions / 2;
  }

  #promise(session: SessionId, operation: HeldOperation): Signed<ReceiptStatement> {
    const { self, promisePositions } = this.#outbox.options;
    const base = this.#position();
    invariant(operation.receipt === undefined, 'a replica promises one thing for a number');
    invariant(!this.#hasForgotten, 'a replica that has forgotten its promises gives none');
    this.promised += 1;
    return this.#outbox.sign({
      kind: 'receipt',
      session,
      sequence: operation.sequence,
      head: operation.head,
      result: operation.resultDigest,
      base,
      baseHistory: this.#machine.history,
      deadline: base + promisePositions,
      replica: self,
    });
  }

  #answer(replyId: SessionReplyId, session: SessionId, from: number): void {
    const next = this.#statuses.next(session);
    const statuses = this.#statuses.from(session, from);
    this.#outbox.output({ kind: 'answer', replyId, session, next, statuses });
  }

  #unknown(replyId: SessionReplyId): void {
    this.#outbox.refuse(replyId, { code: 'unknown-session' });
  }
}
