import type { DecisionProof, Slot } from '../../../agreement/messages.js';
import type { ActivationStatement } from '../../../agreement/statements.js';
import { activationContent, activationSlotRequest } from '../../../agreement/values.js';
import {
  type ClientId,
  type Digest,
  type InitiatorId,
  oneCorrect,
  type Resilience,
  type TransactionId,
} from '../../../kernel/ids.js';
import type { Verified } from '../../../kernel/signed.js';
import type { CoordinatorOutput, RefusalFault, ReplyId } from './messages.js';

/** Requests that one initiator may have open; its oldest gives way. */
const REQUESTS_OF_ONE_INITIATOR_MAX = 2048;
/** Unanswered calls of one initiator for one request; its oldest gives way. */
const REPLIES_OF_ONE_INITIATOR_MAX = 8;

/** What one initiator said of one request. */
interface Asked {
  readonly statement: Verified<ActivationStatement>;
  readonly replies: ReplyId[];
}

/** The initiators that ask for the same content. */
type Askers = Map<InitiatorId, Asked>;

/** A call that waits for an answer, and for what it asks. */
export interface WaitingReply {
  readonly replyId: ReplyId;
  readonly content: Digest;
}

/**
 * Activation requests until their slot is decided: accepted once `f + 1` match (Zhao §4.1). A client that
 * signs several requests with one timestamp has several contents in one slot.
 */
export class ActivationRequests {
  readonly #slots = new Map<Digest, Map<Digest, Askers>>();
  /** The open contents of each initiator, with their slots. */
  readonly #byInitiator = new Map<InitiatorId, Map<Digest, Digest>>();
  readonly #needed: number;

  constructor(resilience: Resilience) {
    this.#needed = oneCorrect(resilience);
  }

  /** Keeps a request. Returns the replies that had to give way. */
  add(statement: Verified<ActivationStatement>, replyId?: ReplyId): readonly ReplyId[] {
    const { initiator } = statement.statement;
    const request = activationSlotRequest(statement.statement);
    const content = activationContent(statement.statement);
    const contents = this.#slots.get(request) ?? new Map<Digest, Askers>();
    const askers: Askers = contents.get(content) ?? new Map();
    this.#slots.set(request, contents.set(content, askers));
    const asked = askers.get(initiator) ?? { statement, replies: [] };
    askers.set(initiator, asked);
    if (replyId !== undefined) asked.replies.push(replyId);
    const excess = Math.max(0, asked.replies.length - REPLIES_OF_ONE_INITIATOR_MAX);
    const evicted = asked.replies.splice(0, excess);
    return [...evicted, ...this.#limit(initiator, request, content)];
  }

  /** The first `f + 1` statements of one content, or undefined while there are fewer of each. */
  matching(request: Digest): readonly Verified<ActivationStatement>[] | undefined {
    const contents = [...(this.#slots.get(request)?.values() ?? [])];
    const askers = contents.find(({ size }) => size >= this.#needed);
    return askers
      ? [...askers.values()]
          .map(({ statement }) => statement)
          .slice(0, this.#needed)
          .sort((a, b) => a.statement.initiator - b.statement.initiator)
      : undefined;
  }

  /** Forgets all contents of the slot and returns the replies that wait for them. */
  take(request: Digest): readonly WaitingReply[] {
    const contents = [...(this.#slots.get(request) ?? [])];
    this.#slots.delete(request);
    return contents.flatMap(([content, askers]) => {
      for (const initiator of askers.keys()) this.#byInitiator.get(initiator)?.delete(content);
      const replies = [...askers.values()].flatMap((asked) => asked.replies);
      return replies.map((replyId) => ({ replyId, content }));
    });
  }

  /** What others asked for alike stays. */
  #limit(initiator: InitiatorId, request: Digest, content: Digest): readonly ReplyId[] {
    const open = this.#byInitiator.get(initiator) ?? new Map<Digest, Digest>();
    this.#byInitiator.set(initiator, open.set(content, request));
    const [oldest] = open;
    if (open.size <= REQUESTS_OF_ONE_INITIATOR_MAX || oldest === undefined) return [];
    const [oldContent, oldRequest] = oldest;
    open.delete(oldContent);
    const contents = this.#slots.get(oldRequest);
    const askers = contents?.get(oldContent);
    const replies = askers?.get(initiator)?.replies ?? [];
    askers?.delete(initiator);
    if (askers?.size === 0) contents?.delete(oldContent);
    if (contents?.size === 0) this.#slots.delete(oldRequest);
    return replies;
  }
}

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

  /** All that wait are answered: with the transaction, or that it is another request's. */
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
