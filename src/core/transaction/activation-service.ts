import type { DecisionProof, Slot } from '../../vocabulary/agreement.js';
import type { ClientId, Digest, TransactionId } from '../../vocabulary/ids.js';
import type { Resilience } from '../../vocabulary/quorum.js';
import type { ActivationStatement, Verified } from '../../vocabulary/statements.js';
import { ActivationRequests } from './activation-requests.js';
import type { CoordinatorOutput, RefusalFault, ReplyId } from './coordinator-messages.js';

type Requests = readonly Verified<ActivationStatement>[];

/** Why a request is refused that had its transaction long ago, or can have none any more. */
export const TOO_OLD = 'too old: a transaction of this client at or after it was forgotten';
/** Undecided transactions at the same time; activation is refused above it. */
const UNDECIDED_MAX = 4096;
/** Of one client's principal, all lanes together: a quarter, so that four together still leave others room. */
const UNDECIDED_OF_ONE_PRINCIPAL_MAX = 1000;
/** Lanes of one principal of which something is remembered for ever: all that clients use; 620 kB at the most. */
const LANES_OF_ONE_PRINCIPAL_MAX = 10_000;

export interface ActivationEvents {
  output(output: CoordinatorOutput): void;
  /** Undecided transactions now: of all clients, and of this one's principal. */
  undecided(client: ClientId): { readonly all: number; readonly own: number };
  /** Lanes of the client's principal that are remembered, where this one would be one more. */
  lanesBeside(client: ClientId): number;
  /** The transaction that the slot was decided to be. */
  decidedAs(slot: Slot): { readonly tid: TransactionId; readonly expiresMs: number } | undefined;
  /** It is too old: it had its transaction, or a later one of the client was forgotten. */
  isForgotten(statement: ActivationStatement): boolean;
  /** Its timestamp belongs to another request of the client. */
  isTaken(statement: ActivationStatement): boolean;
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
    const reason = this.#refusalOf(statement.statement);
    if (reason) return this.#refuseAll(request, reason);
    const requests = this.#requests.matching(request);
    if (requests) this.#events.accepted(slot, requests, replyId !== undefined);
  }

  #refusalOf(statement: ActivationStatement): string | undefined {
    const { client } = statement;
    if (this.#events.isForgotten(statement)) return TOO_OLD;
    if (this.#events.isTaken(statement)) return 'the timestamp belongs to another request';
    if (this.#events.lanesBeside(client) >= LANES_OF_ONE_PRINCIPAL_MAX) {
      return 'too many lanes of this client';
    }
    const { all, own } = this.#events.undecided(client);
    if (own >= UNDECIDED_OF_ONE_PRINCIPAL_MAX) return 'too many open transactions of this client';
    return all < UNDECIDED_MAX ? undefined : 'too many open transactions';
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
    const fault: RefusalFault = reason === TOO_OLD ? 'TooOld' : 'CannotCreateContext';
    this.#events.output({ kind: 'refused', replyId, fault, reason });
  }
}
