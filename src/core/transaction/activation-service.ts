import type { DecisionProof, Slot } from '../../vocabulary/agreement.js';
import type { Digest, TransactionId } from '../../vocabulary/ids.js';
import type { Resilience } from '../../vocabulary/quorum.js';
import type { ActivationStatement, Verified } from '../../vocabulary/statements.js';
import { ActivationRequests } from './activation-requests.js';
import type { CoordinatorOutput, ReplyId } from './coordinator-messages.js';

type Requests = readonly Verified<ActivationStatement>[];

/** Undecided transactions at the same time; activation is refused above it. */
const OPEN_TRANSACTIONS_MAX = 4096;

export interface ActivationEvents {
  output(output: CoordinatorOutput): void;
  /** Undecided transactions now. */
  openTransactions(): number;
  /** The transaction that the slot was decided to be. */
  decidedAs(slot: Slot): { readonly tid: TransactionId; readonly expiresMs: number } | undefined;
  /** It had its transaction long ago, and must not have another. */
  isOver(statement: ActivationStatement): boolean;
  /** `f + 1` initiators ask alike; `isDirect`: one of them asked this very replica. */
  accepted(slot: Slot, requests: Requests, isDirect: boolean): void;
}

/** The activation service of one replica (Zhao §4.1). */
export class ActivationService {
  readonly #requests: ActivationRequests;
  readonly #events: ActivationEvents;

  constructor(resilience: Resilience, events: ActivationEvents) {
    this.#requests = new ActivationRequests(resilience);
    this.#events = events;
  }

  /** Accepted when `f + 1` initiators ask alike. Without `replyId`, another replica handed it on. */
  onRequest(statement: Verified<ActivationStatement>, replyId?: ReplyId): void {
    const { request, evicted } = this.#requests.add(statement, replyId);
    for (const one of evicted) this.#refuse(one, 'too many requests of this initiator');
    const slot: Slot = { kind: 'activation', request };
    const decided = this.#events.decidedAs(slot);
    if (decided) return this.#answer(slot, { tid: decided.tid, expiresMs: decided.expiresMs });
    if (this.#events.isOver(statement.statement)) {
      return this.#refuseAll(request, 'the order had its transaction long ago');
    }
    const requests = this.#requests.matching(request);
    if (!requests) return;
    if (this.#events.openTransactions() < OPEN_TRANSACTIONS_MAX) {
      return this.#events.accepted(slot, requests, replyId !== undefined);
    }
    this.#refuseAll(request, 'too many open transactions');
  }

  matching(request: Digest): Requests | undefined {
    return this.#requests.matching(request);
  }

  /** The slot was decided now: all who wait are answered with the proof. */
  decided(slot: Slot, tid: TransactionId, expiresMs: number, proof: DecisionProof): void {
    this.#answer(slot, { tid, expiresMs, proof });
  }

  #answer(
    slot: Slot,
    answer: { tid: TransactionId; expiresMs: number; proof?: DecisionProof },
  ): void {
    if (slot.kind !== 'activation') return;
    for (const replyId of this.#requests.take(slot.request)) {
      this.#events.output({ kind: 'activated', replyId, slot, ...answer });
    }
  }

  #refuseAll(request: Digest, reason: string): void {
    for (const one of this.#requests.take(request)) this.#refuse(one, reason);
  }

  #refuse(replyId: ReplyId, reason: string): void {
    this.#events.output({ kind: 'refused', replyId, fault: 'CannotCreateContext', reason });
  }
}
