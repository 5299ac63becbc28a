import type { InvitationStatement, RegistrationStatement } from '../../agreement/statements.js';
import { type CommonOutput, resendDelayMs } from '../../kernel/core.js';
import {
  type Digest,
  type InitiatorId,
  primaryOf,
  quorum,
  type ReplicaId,
  type Resilience,
  type TransactionId,
  type View,
} from '../../kernel/ids.js';
import type { Signed, Verified } from '../../kernel/signed.js';
import type {
  CallId,
  Invited,
  ParticipantLimits,
  ParticipantOptions,
  ParticipantOutput,
} from './messages.js';
import { everyReplica, type ParticipantSigner } from './signer.js';

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

type Outputs = readonly (ParticipantOutput<never> | CommonOutput)[];

/**
 * A registration on its way: sent to a quorum at first, then to all that have not acknowledged it. A
 * quorum is enough: it shares a correct replica with every quorum that decides, and that one refuses
 * a decision without this registration (Zhao §4.2).
 */
export class Registration<Operation> {
  /** What to execute once it is done. */
  readonly operation: Operation;
  readonly #statement: Signed<RegistrationStatement>;
  readonly #resilience: Resilience;
  readonly #resendAfterMs: number;
  readonly #signer: ParticipantSigner;
  readonly #order: ReplicaOrder;
  #first: readonly ReplicaId[] = [];
  readonly #taken = new Set<ReplicaId>();
  readonly #refused = new Set<ReplicaId>();
  #rounds = 0;

  constructor(
    { resilience, resendAfterMs }: ParticipantOptions,
    statement: Signed<RegistrationStatement>,
    operation: Operation,
    signer: ParticipantSigner,
    order: ReplicaOrder,
  ) {
    this.#resilience = resilience;
    this.#resendAfterMs = resendAfterMs;
    this.#statement = statement;
    this.operation = operation;
    this.#signer = signer;
    this.#order = order;
  }

  /** Asks a quorum first, then all those that have not acknowledged it, ever more slowly. */
  send(): Outputs {
    const delayMs = resendDelayMs(this.#resendAfterMs, this.#rounds);
    const isFirst = this.#rounds === 0;
    if (isFirst) this.#first = this.#order.all.slice(0, quorum(this.#resilience));
    const to = this.#missing(isFirst ? this.#first : everyReplica(this.#resilience));
    this.#rounds += 1;
    this.#refused.clear();
    return [
      { kind: 'register', to, statement: this.#statement },
      this.#signer.startTimer('register', delayMs),
    ];
  }

  #missing(replicas: readonly ReplicaId[]): readonly ReplicaId[] {
    return replicas.filter((replica) => !this.#taken.has(replica));
  }

  /** The time for an answer is over. */
  overdue(): Outputs {
    if (this.#rounds === 1) {
      for (const replica of this.#missing(this.#first)) this.#order.wasLate(replica);
    }
    return this.send();
  }

  /** One of the first that were asked cannot be reached: the others are asked at once. */
  failed(): Outputs {
    return this.#rounds === 1 ? this.send() : [];
  }

  acknowledged(replica: ReplicaId): 'wait' | 'enough' {
    this.#taken.add(replica);
    return this.#taken.size >= quorum(this.#resilience) ? 'enough' : 'wait';
  }

  /** The refusals of the first round may come of replicas that do not know the transaction yet. */
  refused(replica: ReplicaId): 'wait' | 'hopeless' {
    if (!this.#taken.has(replica)) this.#refused.add(replica);
    const possible = this.#resilience.n - this.#refused.size;
    return this.#rounds > 1 && possible < quorum(this.#resilience) ? 'hopeless' : 'wait';
  }
}

/** Which coordinator replicas a participant asks first: the primary, and last those that kept it waiting. */
export class ReplicaOrder {
  readonly #resilience: Resilience;
  readonly #late = new Set<ReplicaId>();
  #view = 0 as View;

  constructor(resilience: Resilience) {
    this.#resilience = resilience;
  }

  /** All replicas, those to be asked first in front. */
  get all(): readonly ReplicaId[] {
    const { n } = this.#resilience;
    const primary = primaryOf(this.#resilience, this.#view);
    const turned = Array.from({ length: n }, (_, rank) => ((primary + rank) % n) as ReplicaId);
    return [
      ...turned.filter((replica) => !this.#late.has(replica)),
      ...turned.filter((replica) => this.#late.has(replica)),
    ];
  }

  /** A certificate is of this view. */
  sawView(view: View): void {
    if (view > this.#view) this.#view = view;
  }

  wasLate(replica: ReplicaId): void {
    this.#late.add(replica);
  }

  heard(replica: ReplicaId): void {
    this.#late.delete(replica);
  }
}
