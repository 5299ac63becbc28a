import type { Digest, InitiatorId, TransactionId } from '../../vocabulary/ids.js';
import type { InvitationStatement, Verified } from '../../vocabulary/statements.js';
import type { CallId, Invited, ParticipantLimits } from './participant-messages.js';

/** The unanswered calls for one operation, one of each initiator. */
export class Calls {
  readonly #byInitiator = new Map<InitiatorId, CallId>();

  get initiators(): readonly InitiatorId[] {
    return [...this.#byInitiator.keys()];
  }

  /** Returns the initiator's earlier call, if there is one: it has been given up there. */
  add(initiator: InitiatorId, call: CallId): readonly CallId[] {
    const superseded = this.#byInitiator.get(initiator);
    this.#byInitiator.set(initiator, call);
    return superseded === undefined ? [] : [superseded];
  }

  takeAll(): readonly CallId[] {
    const all = [...this.#byInitiator.values()];
    this.#byInitiator.clear();
    return all;
  }
}

interface Pending {
  readonly calls: Calls;
  /** What each initiator signed with its last call. */
  readonly invitations: Map<InitiatorId, Verified<InvitationStatement>>;
  expiresMs: number;
}

/** What became of an initiator's call. */
export type Admission =
  | { readonly kind: 'busy' }
  /** `isFirst`: nobody had asked for this operation before. */
  | {
      readonly kind: 'waiting';
      readonly isFirst: boolean;
      readonly superseded: readonly CallId[];
    }
  | {
      readonly kind: 'accepted';
      readonly calls: Calls;
      /** `f + 1` that are alike, sorted by initiator. */
      readonly invitations: readonly Verified<InvitationStatement>[];
      readonly expiresMs: number;
    };

/**
 * Operations that fewer than `f + 1` initiators have asked for: one of them alone may be lying
 * (Zhao §4, the initiator is replicated too). A transaction may have several operations here, so two
 * initiators that name different ones do not contradict each other until the transaction moves on.
 * Initiators whose invitations allow different numbers of enlistments do not agree either.
 */
export class Invitations {
  readonly #needed: number;
  readonly #limit: number;
  readonly #pending = new Map<TransactionId, Map<Digest, Pending>>();
  readonly #counts = new Map<InitiatorId, number>();

  constructor(needed: number, { invitationsPerInitiator }: ParticipantLimits) {
    this.#needed = needed;
    this.#limit = invitationsPerInitiator;
  }

  /**
   * The accepted lifetime is the longest that was named: a liar among the `f + 1` can then not have
   * the work rolled back early.
   */
  admit({ tid, digest, initiator, call, expiresMs, invitation }: Invited<unknown>): Admission {
    const known = this.#pending.get(tid)?.get(digest);
    const pending: Pending = known ?? { calls: new Calls(), invitations: new Map(), expiresMs };
    const before = pending.calls.initiators;
    const isNew = !before.includes(initiator);
    const count = this.#counts.get(initiator) ?? 0;
    if (isNew && count >= this.#limit) return { kind: 'busy' };
    const superseded = pending.calls.add(initiator, call);
    pending.invitations.set(initiator, invitation);
    pending.expiresMs = Math.max(pending.expiresMs, expiresMs);
    const invitations = this.#alike(pending, invitation.statement.places);
    if (invitations === undefined) {
      if (isNew) this.#counts.set(initiator, count + 1);
      if (known === undefined) this.#add(tid, digest, pending);
      return { kind: 'waiting', isFirst: known === undefined, superseded };
    }
    this.#remove(tid, digest, before);
    return { kind: 'accepted', calls: pending.calls, invitations, expiresMs: pending.expiresMs };
  }

  #alike(
    { invitations }: Pending,
    places: number,
  ): readonly Verified<InvitationStatement>[] | undefined {
    const alike = [...invitations]
      .filter(([, { statement }]) => statement.places === places)
      .sort(([a], [b]) => a - b)
      .map(([, invitation]) => invitation);
    return alike.length < this.#needed ? undefined : alike.slice(0, this.#needed);
  }

  /** Gives one operation up, and returns the calls to refuse. */
  drop(tid: TransactionId, digest: Digest): readonly CallId[] {
    const pending = this.#pending.get(tid)?.get(digest);
    if (pending === undefined) return [];
    this.#remove(tid, digest, pending.calls.initiators);
    return pending.calls.takeAll();
  }

  /** The operations of a transaction that are still waiting. */
  of(tid: TransactionId): readonly Digest[] {
    return [...(this.#pending.get(tid)?.keys() ?? [])];
  }

  #add(tid: TransactionId, digest: Digest, pending: Pending): void {
    const ofTransaction = this.#pending.get(tid) ?? new Map<Digest, Pending>();
    ofTransaction.set(digest, pending);
    this.#pending.set(tid, ofTransaction);
  }

  #remove(tid: TransactionId, digest: Digest, initiators: readonly InitiatorId[]): void {
    const ofTransaction = this.#pending.get(tid);
    if (ofTransaction?.delete(digest) !== true) return;
    if (ofTransaction.size === 0) this.#pending.delete(tid);
    for (const initiator of initiators) {
      const count = (this.#counts.get(initiator) ?? 1) - 1;
      if (count === 0) this.#counts.delete(initiator);
      else this.#counts.set(initiator, count);
    }
  }
}
