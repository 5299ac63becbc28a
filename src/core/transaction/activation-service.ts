import { activationSlotRequest } from '../../crypto/activation-slot.js';
import type { DecisionProof, Slot } from '../../vocabulary/agreement.js';
import type { ClientId, Digest, TransactionId } from '../../vocabulary/ids.js';
import type { Resilience } from '../../vocabulary/quorum.js';
import type { ActivationStatement, Verified } from '../../vocabulary/statements.js';
import { ActivationRequests } from './activation-requests.js';
import type { CoordinatorOutput, RefusalFault, ReplyId } from './coordinator-messages.js';

type Requests = readonly Verified<ActivationStatement>[];

/** Why a request is refused that had its transaction long ago, or can have none any more. */
const TOO_OLD = 'too old: a transaction of this client at or after it was forgotten';
/** Why a request is refused whose client has another transaction under its timestamp. */
const TIMESTAMP_TAKEN = 'the client has a transaction for another request with this timestamp';

/** The transaction that an activation slot has become, and the content that it was made for. */
export interface Activated {
  readonly tid: TransactionId;
  readonly content: Digest;
  readonly expiresMs: number;
}

export interface ActivationEvents {
  output(output: CoordinatorOutput): void;
  /** Why there is no room for one more of this client; undefined where there is. */
  lackOfRoom(slot: Slot, client: ClientId): string | undefined;
  /** The transaction that the slot was decided to be. */
  decidedAs(slot: Slot): Activated | undefined;
  /** It is too old: it had its transaction, or a later one of the client was forgotten. */
  isForgotten(statement: ActivationStatement): boolean;
  /** It has a vote in the slot: others may have decided it with that, and then this replica takes part. */
  mayLearn(slot: Slot): boolean;
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
    const evicted = this.#requests.add(statement, replyId);
    for (const one of evicted) this.#refuse(one, 'too many requests of this initiator');
    const request = activationSlotRequest(statement.statement);
    const slot: Slot = { kind: 'activation', request };
    const decided = this.#events.decidedAs(slot);
    if (decided) return this.decided(slot, decided);
    const reason = this.#refusalOf(slot, statement.statement);
    if (reason) return this.#refuseAll(request, reason);
    const requests = this.#requests.matching(request);
    if (requests) this.#events.accepted(slot, requests, replyId !== undefined);
  }

  /** A replica that calls a request too old takes no part in it from then on, whatever comes. */
  #refusalOf(slot: Slot, statement: ActivationStatement): string | undefined {
    if (this.#events.isForgotten(statement)) {
      return this.#events.mayLearn(slot) ? undefined : TOO_OLD;
    }
    return this.#events.lackOfRoom(slot, statement.client);
  }

  matching(request: Digest): Requests | undefined {
    return this.#requests.matching(request);
  }

  /** All who wait are answered: with the transaction, or that it is another request's. */
  decided(slot: Slot, { tid, content, expiresMs }: Activated, proof?: DecisionProof): void {
    if (slot.kind !== 'activation') return;
    const answer = { kind: 'activated', slot, tid, expiresMs, ...(proof && { proof }) } as const;
    for (const waiting of this.#requests.take(slot.request)) {
      const { replyId } = waiting;
      if (waiting.content === content) this.#events.output({ ...answer, replyId });
      else this.#refuse(replyId, TIMESTAMP_TAKEN);
    }
  }

  #refuseAll(request: Digest, reason: string): void {
    for (const { replyId } of this.#requests.take(request)) this.#refuse(replyId, reason);
  }

  #refuse(replyId: ReplyId, reason: string): void {
    this.#events.output({ kind: 'refused', replyId, fault: faultOf(reason), reason });
  }
}

function faultOf(reason: string): RefusalFault {
  if (reason === TOO_OLD) return 'TooOld';
  return reason === TIMESTAMP_TAKEN ? 'TimestampTaken' : 'CannotCreateContext';
}
