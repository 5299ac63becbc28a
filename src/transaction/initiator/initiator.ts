import type { Decision } from '../../agreement/statements.js';
import type { CommonOutput, Core, TimerInput } from '../../kernel/core.js';
import {
  type ClientId,
  clientPrincipal,
  type Digest,
  primaryOf,
  requesterOf,
  type TransactionId,
  unreachable,
  type View,
  view,
} from '../../kernel/ids.js';
import { LatelyHeard } from '../../kernel/lately-heard.js';
import { hasRoomFor } from './calls.js';
import { refusalOf } from './dialogue.js';
import type {
  Called,
  ClientRequest,
  InitiatorInput,
  InitiatorOptions,
  InitiatorOutput,
  Instructed,
  RequestId,
  RequestOutcome,
  RequestReply,
} from './messages.js';
import { readTimer } from './timers.js';
import { InitiatorTransaction } from './transaction.js';

type Outputs<Call extends Called> = readonly (InitiatorOutput<Call> | CommonOutput)[];

type Answer = Extract<InitiatorOutput, { kind: 'answer' }>;

interface Open<Call extends Called> {
  readonly transaction: InitiatorTransaction<Call>;
  readonly waiters: RequestId[];
}

/**
 * An initiator replica (Zhao §4): takes clients' requests, activates one transaction for each, invokes
 * the participants, asks for Commit or Rollback, and answers with the coordinators' outcome.
 *
 * It believes a coordinator that proves what it says, and otherwise `f + 1` that say the same.
 *
 * It persists nothing, as in the paper, and loses nothing by it. The activation slot at the
 * coordinators is named by client and timestamp, so a request that is repeated to a restarted initiator
 * leads to the transaction that it already has: the participants know their legs by it, its outcome, if
 * decided, stays decided, and the answer is the same. Another request with that timestamp, which a
 * restarted initiator takes for a fresh one, is refused by the coordinators. What was in
 * flight when it stopped is finished by the other initiators, or aborted when its time runs out. As long as it
 * remembers a request it signs one decision on its transaction. After a restart it may sign the other one, as a lying
 * initiator may at any time: each counts as that of one initiator, and the coordinators agree on one outcome.
 *
 * @example
 * ```ts
 * import {
 *   Initiator,
 *   type InitiatorCall,
 *   type InitiatorNodeOptions,
 *   startInitiator,
 * } from 'concordat/initiator';
 *
 * // An initiator that counts the requests of its clients.
 * export class CountingInitiator extends Initiator<InitiatorCall> {
 *   requests = 0;
 *
 *   override handle(input: Parameters<Initiator<InitiatorCall>['handle']>[0]) {
 *     if (input.kind === 'request') this.requests += 1;
 *     return super.handle(input);
 *   }
 * }
 *
 * export function startCounting(options: InitiatorNodeOptions) {
 *   return startInitiator({ ...options, createCore: (core) => new CountingInitiator(core) });
 * }
 * ```
 */
export class Initiator<Call extends Called = Called>
  implements Core<InitiatorInput<Call>, InitiatorOutput<Call>>
{
  readonly #options: InitiatorOptions;
  readonly #clients: ClientTable;
  readonly #open = new Map<Digest, Open<Call>>();
  readonly #byTransactionId = new Map<TransactionId, Open<Call>>();
  readonly #heard: LatelyHeard;
  /** The highest view seen in a proof: its primary is asked first. */
  #view: View = view(0);

  constructor(options: InitiatorOptions) {
    this.#options = options;
    this.#clients = new ClientTable(options.limits.clients);
    this.#heard = new LatelyHeard(options.resilience.n);
  }

  get underWay(): number {
    return this.#heard.size;
  }

  restore(): Outputs<Call> {
    return [];
  }

  handle(input: InitiatorInput<Call> | TimerInput): Outputs<Call> {
    switch (input.kind) {
      case 'request':
        return this.#request(input);
      case 'instructed':
        return this.#instructed(input);
      case 'activated':
        if (input.evidence.kind === 'proof') {
          this.#learnView(input.evidence.certificate.statement.ballot.view);
        }
        return this.#told(this.#open.get(input.request), (it) => it.activated(input));
      case 'activation-failed':
        return this.#step(this.#open.get(input.request), (it) => it.activationFailed());
      case 'activation-refused':
        return this.#told(this.#open.get(input.request), (it) => it.activationRefused(input));
      case 'completion-failed':
        return this.#step(this.#byTransactionId.get(input.tid), (it) => it.completionFailed());
      case 'leg-answered':
        return this.#told(this.#open.get(input.request), (it) => it.legAnswered(input));
      case 'notified':
        if (input.evidence.kind === 'proof') {
          this.#learnView(input.evidence.certificate.statement.ballot.view);
        }
        return this.#told(this.#byTransactionId.get(input.tid), (it) => it.notified(input));
      case 'timer': {
        const { request, timer } = readTimer(input.name);
        return this.#step(this.#open.get(request), (it) => it.timerRanOut(timer));
      }
      default:
        return unreachable(input);
    }
  }

  #request(request: ClientRequest<Call>): Outputs<Call> {
    const { client, timestamp, digest, requestId } = request;
    const standing = this.#clients.standing(client, timestamp, digest);
    switch (standing.kind) {
      case 'stale':
      case 'conflict':
        return [refusalOf(requestId, standing.kind)];
      case 'repeated':
        if (standing.reply !== undefined) {
          return [{ kind: 'answer', requestId, reply: standing.reply }];
        }
        return this.#join(request);
      case 'early':
        return this.#early(request, standing.before);
      case 'fresh':
        return this.#join(request);
      default:
        return unreachable(standing);
    }
  }

  /** An order of sessions shows that the one before it is over; a client's request shows nothing. */
  #early(request: ClientRequest<Call>, before: ClientRecord): Outputs<Call> {
    const { kind } = requesterOf(request.client);
    switch (kind) {
      case 'sessions':
        return this.#join(request);
      case 'client':
        return [...this.#settle(request, before), refusalOf(request.requestId, 'busy')];
      default:
        return unreachable(kind);
    }
  }

  /** Waits for the request's transaction, and starts it unless it is under way. */
  #join(request: ClientRequest<Call>): Outputs<Call> {
    const { client, timestamp, digest, requestId } = request;
    const underWay = this.#open.get(digest);
    if (underWay !== undefined) return this.#wait(underWay, requestId);
    const superseded = this.#supersede(client);
    if (!this.#hasRoomFor(client)) return [...superseded, refusalOf(requestId, 'busy')];
    this.#clients.accept(client, timestamp, digest);
    return [...superseded, ...this.#start(request, [requestId])];
  }

  /** Until the end; who repeats the beginning of a dialogue, until it has begun. */
  #wait({ transaction, waiters }: Open<Call>, requestId: RequestId): Outputs<Call> {
    const { tid, request } = transaction;
    if (request.operation.kind === 'dialogue' && tid !== undefined) return [begun(requestId, tid)];
    return pushed(waiters, requestId, this.#options.limits.waiters);
  }

  /** What ended is answered as long as the client's record is there; else the client begins again, and comes to it. */
  #instructed(instructed: Instructed<Call>): Outputs<Call> {
    const { client, request, requestId, tid, instruction } = instructed;
    const open = this.#open.get(request);
    if (open !== undefined) {
      const { transaction, waiters } = open;
      const isMeant = transaction.request.client === client && transaction.isDialogue(tid);
      if (!isMeant) return [refusalOf(requestId, 'unknown-dialogue')];
      const surplus =
        instruction.kind === 'complete'
          ? pushed(waiters, requestId, this.#options.limits.waiters)
          : [];
      return [...surplus, ...this.#told(open, (it) => it.instructed(requestId, instruction))];
    }
    const reply = this.#clients.replyTo(client, request);
    return instruction.kind === 'complete' && reply !== undefined
      ? [{ kind: 'answer', requestId, reply }]
      : [refusalOf(requestId, 'unknown-dialogue')];
  }

  #start(request: ClientRequest<Call>, waiters: RequestId[]): Outputs<Call> {
    const signed = this.#clients.decisionOn(request.client, request.digest);
    const transaction = new InitiatorTransaction<Call>(this.#options, request, signed);
    const open = { transaction, waiters };
    this.#open.set(request.digest, open);
    this.#heard.of(request.digest);
    return open.transaction.start(primaryOf(this.#options.resilience, this.#view));
  }

  /**
   * The request before this one in its lane ended here without an outcome. What it has signed of it stands, so
   * the coordinators may have made it a transaction, or may yet: this initiator has that ended, by the
   * decision that it asked for before, else by a rollback. Until it knows the end it signs no later request.
   */
  #settle(
    later: ClientRequest<Call>,
    { timestamp, digest, decision }: ClientRecord,
  ): Outputs<Call> {
    if (this.#open.has(digest) || !this.#hasRoomFor(later.client)) return [];
    const refusal = decision === 'commit' ? {} : { refusal: 'Superseded' };
    const operation = { kind: 'plan', legs: [], ...refusal } as const;
    return this.#start({ ...later, timestamp, digest, operation }, []);
  }

  /**
   * An order of sessions shows that the one before it in its lane has ended. So a peer that shows old
   * orders to an initiator that has forgotten them takes no more than one place for each lane.
   */
  #supersede(client: ClientId): Outputs<Call> {
    const { kind } = requesterOf(client);
    switch (kind) {
      case 'client':
        return [];
      case 'sessions':
        return [...this.#open.values()]
          .filter(({ transaction }) => transaction.request.client === client)
          .flatMap((open) => this.#step(open, (transaction) => transaction.giveUp()));
      default:
        return unreachable(kind);
    }
  }

  /** No client may take the places, or the time, of all the others. */
  #hasRoomFor(client: ClientId): boolean {
    const { limits, fronts } = this.#options;
    const open = [...this.#open.values()].map(({ transaction }) => transaction.request);
    return hasRoomFor(client, open, limits, fronts);
  }

  /** A step that others have a part in. */
  #told(
    open: Open<Call> | undefined,
    step: (transaction: InitiatorTransaction<Call>) => Outputs<Call>,
  ): Outputs<Call> {
    if (open !== undefined) this.#heard.of(open.transaction.request.digest);
    return this.#step(open, step);
  }

  #step(
    open: Open<Call> | undefined,
    step: (transaction: InitiatorTransaction<Call>) => Outputs<Call>,
  ): Outputs<Call> {
    if (open === undefined) return [];
    const { transaction } = open;
    const before = transaction.tid;
    const outputs = [...step(transaction)];
    const { tid, reply } = transaction;
    if (tid !== undefined) this.#byTransactionId.set(tid, open);
    if (tid !== undefined && before === undefined && transaction.isDialogue(tid)) {
      outputs.push(...open.waiters.splice(0).map((waiter) => begun(waiter, tid)));
    }
    return reply === undefined ? outputs : [...outputs, ...this.#close(open, reply)];
  }

  /** A refusal is not logged: the client may ask again with the same timestamp. */
  #close({ transaction, waiters }: Open<Call>, reply: RequestReply): Outputs<Call> {
    const { client, digest } = transaction.request;
    this.#open.delete(digest);
    this.#heard.ended(digest);
    if (transaction.tid !== undefined) this.#byTransactionId.delete(transaction.tid);
    if (reply.kind === 'outcome') this.#clients.logReply(client, digest, reply);
    else {
      const isOver = reply.code === 'stale' || reply.code === 'conflict';
      this.#clients.ended(client, digest, { isOver, decision: transaction.decision });
    }
    return waiters.map((requestId) => ({ kind: 'answer', requestId, reply }));
  }

  #learnView(seen: View): void {
    if (seen > this.#view) this.#view = seen;
  }
}

function begun(requestId: RequestId, transactionId: TransactionId): Answer {
  return { kind: 'answer', requestId, reply: { kind: 'begun', transactionId } };
}

/** One more waits; those that are too many are sent away, the first of them first. */
function pushed(waiters: RequestId[], requestId: RequestId, waitersMax: number): readonly Answer[] {
  waiters.push(requestId);
  const surplus = waiters.splice(0, waiters.length - waitersMax);
  return surplus.map((waiter) => refusalOf(waiter, 'outcome-unknown'));
}

/** The last request that was accepted of a client id. */
export interface ClientRecord {
  readonly timestamp: number;
  readonly digest: Digest;
  readonly reply?: RequestOutcome;
  /** It has an outcome, or can have none any more, as far as this initiator knows. */
  readonly isOver: boolean;
  /** What this initiator has asked the coordinators for, where it ended without an outcome. */
  readonly decision?: Decision | undefined;
}

/** How a request stands to the last one accepted of its client. */
export type RequestStanding =
  | { readonly kind: 'fresh' }
  /** The one before it may still be carried out. */
  | { readonly kind: 'early'; readonly before: ClientRecord }
  | { readonly kind: 'repeated'; readonly reply: RequestOutcome | undefined }
  | { readonly kind: 'stale' }
  | { readonly kind: 'conflict' };

/**
 * The last accepted timestamp and the logged reply of each client id (Zhao §4.1), bounded. Where there is
 * no room, one of the principal with the most gives way, so that one with many lanes pushes out its own.
 */
class ClientTable {
  readonly #records = new Map<ClientId, ClientRecord>();
  /** The client ids of each principal, and the principals, in the order of their last use. */
  readonly #ofPrincipal = new Map<string, Set<ClientId>>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  standing(client: ClientId, timestamp: number, digest: Digest): RequestStanding {
    const last = this.#records.get(client);
    if (last === undefined) return { kind: 'fresh' };
    if (timestamp > last.timestamp) {
      return last.isOver ? { kind: 'fresh' } : { kind: 'early', before: last };
    }
    if (timestamp < last.timestamp) return { kind: 'stale' };
    if (digest !== last.digest) return { kind: 'conflict' };
    return { kind: 'repeated', reply: last.reply };
  }

  /** How the request ended, while it is the last one of its client. */
  replyTo(client: ClientId, digest: Digest): RequestOutcome | undefined {
    const last = this.#records.get(client);
    return last?.digest === digest ? last.reply : undefined;
  }

  /** What this initiator asked for when the request ended here without an outcome. */
  decisionOn(client: ClientId, digest: Digest): Decision | undefined {
    const last = this.#records.get(client);
    return last?.digest === digest ? last.decision : undefined;
  }

  accept(client: ClientId, timestamp: number, digest: Digest): void {
    const decision = this.decisionOn(client, digest);
    this.#put(client, { timestamp, digest, isOver: false, decision });
  }

  /** Logs the reply, unless a later request of the client has taken its place. */
  logReply(client: ClientId, digest: Digest, reply: RequestOutcome): void {
    const last = this.#records.get(client);
    if (last?.digest === digest) this.#put(client, { ...last, reply, isOver: true });
  }

  /** It has ended here without an outcome. */
  ended(client: ClientId, digest: Digest, end: Pick<ClientRecord, 'isOver' | 'decision'>): void {
    const last = this.#records.get(client);
    const decision = end.decision ?? last?.decision;
    if (last?.digest === digest) this.#put(client, { ...last, isOver: end.isOver, decision });
  }

  #put(client: ClientId, record: ClientRecord): void {
    this.#records.set(client, record);
    const principal = clientPrincipal(client);
    const own = this.#ofPrincipal.get(principal) ?? new Set();
    own.delete(client);
    this.#ofPrincipal.delete(principal);
    this.#ofPrincipal.set(principal, own.add(client));
    if (this.#records.size > this.#capacity) this.#forgetOne();
  }

  #forgetOne(): void {
    let largest = new Set<ClientId>();
    for (const clients of this.#ofPrincipal.values()) {
      if (clients.size > largest.size) largest = clients;
    }
    const [oldest] = largest;
    if (oldest === undefined) return;
    this.#records.delete(oldest);
    largest.delete(oldest);
    if (largest.size === 0) this.#ofPrincipal.delete(clientPrincipal(oldest));
  }
}
