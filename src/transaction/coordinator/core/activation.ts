import type { DecisionProof, FloorProof, Slot } from '../../../agreement/messages.js';
import type { ActivationStatement } from '../../../agreement/statements.js';
import {
  activationContent,
  activationSlotRequest,
  decodeRequests,
  encodeRequests,
} from '../../../agreement/values.js';
import { invariant, type StoredRecord } from '../../../kernel/core.js';
import {
  type ClientId,
  type ClusterId,
  clientPrincipal,
  type Digest,
  type InitiatorId,
  oneCorrect,
  type Resilience,
  requesterOf,
  type TransactionId,
  unreachable,
} from '../../../kernel/ids.js';
import type { Verified } from '../../../kernel/signed.js';
import { floorKey, isFloorKey } from './keys.js';
import type { CoordinatorOutput, RefusalFault, ReplyId } from './messages.js';

/**
 * The transactions on record by what activated them, and for each client the *floor*: the highest
 * timestamp of a transaction that this replica has forgotten. A replica that takes part in nothing at or
 * below the floor that is not on record decides nothing again that it has forgotten. Memory grows with the
 * clients and their lanes, not with the transactions.
 *
 * An order of sessions is activated by its lane and its number. The last one of a lane may not have ended
 * for the sessions yet, so the replica keeps it until there is a next.
 */
export class Floors {
  /** The requests that show each floor, and bear its timestamp. */
  readonly #floors = new Map<ClientId, FloorProof>();
  /** The timestamps of what is on record. */
  readonly #recorded = new Map<ClientId, Set<number>>();
  /** The number of each lane's last order on record. */
  readonly #lastOrders = new Map<ClientId, number>();
  /** How many client ids of each principal have a floor. */
  readonly #lanes = new Map<string, number>();
  readonly #cluster: ClusterId;
  readonly #persist: (key: string, value: Uint8Array) => void;

  constructor(cluster: ClusterId, persist: (key: string, value: Uint8Array) => void) {
    this.#cluster = cluster;
    this.#persist = persist;
  }

  restore(records: readonly StoredRecord[]): void {
    for (const { key, value } of records) {
      if (!isFloorKey(key)) continue;
      const proof = decodeRequests(this.#cluster, value);
      invariant(key === keyOf(proof), `${key} holds what shows that floor`);
      this.#set(proof);
    }
  }

  /** Lanes of the client's principal that have a floor. */
  lanesOf(client: ClientId): number {
    return this.#lanes.get(clientPrincipal(client)) ?? 0;
  }

  has(client: ClientId): boolean {
    return this.#floors.has(client) || this.#recorded.has(client);
  }

  /** Whether this replica has forgotten the activation, or must act as if it had. */
  isForgotten({ client, timestamp }: ActivationStatement): boolean {
    if (timestamp > this.#floorOf(client)) return false;
    return this.#recorded.get(client)?.has(timestamp) !== true;
  }

  /** The transaction is on record now. */
  activated({ client, timestamp }: ActivationStatement): void {
    const recorded = this.#recorded.get(client) ?? new Set<number>();
    invariant(!recorded.has(timestamp), 'a client has one transaction for a timestamp');
    this.#recorded.set(client, recorded.add(timestamp));
    const { kind } = requesterOf(client);
    switch (kind) {
      case 'client':
        return;
      case 'sessions': {
        const last = this.#lastOrders.get(client) ?? -1;
        return void this.#lastOrders.set(client, Math.max(timestamp, last));
      }
      default:
        return unreachable(kind);
    }
  }

  /** The floor is on disk before the record goes. */
  forget(requests: FloorProof): void {
    const { client, timestamp } = namedBy(requests);
    const recorded = this.#recorded.get(client);
    recorded?.delete(timestamp);
    if (recorded?.size === 0) this.#recorded.delete(client);
    if (this.#lastOrders.get(client) === timestamp) this.#findLastOrder(client);
    this.raise(requests);
  }

  /** Takes a floor that is higher than this replica's own, of its own or of a peer. Floors only rise. */
  raise(proof: FloorProof): void {
    const { client, timestamp } = namedBy(proof);
    if (timestamp <= this.#floorOf(client)) return;
    this.#set(proof);
    this.#persist(keyOf(proof), encodeRequests(proof));
  }

  /** What shows each floor, in the order of the clients' ids. */
  proofs(): FloorProof[] {
    return [...this.#floors].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, proof]) => proof);
  }

  #set(proof: FloorProof): void {
    const { client, timestamp } = namedBy(proof);
    invariant(timestamp > this.#floorOf(client), 'floors only rise');
    if (!this.#floors.has(client)) {
      this.#lanes.set(clientPrincipal(client), this.lanesOf(client) + 1);
    }
    this.#floors.set(client, proof);
  }

  /** -1 where there is none. */
  #floorOf(client: ClientId): number {
    const proof = this.#floors.get(client);
    return proof ? namedBy(proof).timestamp : -1;
  }

  /** Whether it is the last order of a lane. */
  isLastOrder({ client, timestamp }: ActivationStatement): boolean {
    return this.#lastOrders.get(client) === timestamp;
  }

  /** The last one has gone, since the others had forgotten it: rare enough to look through the lane. */
  #findLastOrder(client: ClientId): void {
    const recorded = this.#recorded.get(client);
    if (recorded) this.#lastOrders.set(client, Math.max(...recorded));
    else this.#lastOrders.delete(client);
  }
}

/** The client and the timestamp that the requests bear alike. */
export function namedBy([request]: FloorProof): ActivationStatement {
  if (!request) throw new TypeError('a floor without a request');
  return request.statement;
}

function keyOf(proof: FloorProof): string {
  return floorKey(namedBy(proof).client);
}

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
