import { placesOf, placesSoFar } from '../../agreement/invitation.js';
import type { InvitationStatement } from '../../agreement/statements.js';
import {
  type ClientId,
  clientPrincipal,
  type ParticipantId,
  type ReplicaId,
  requesterOf,
  type TransactionId,
  unreachable,
} from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import type {
  AbortCause,
  CallAnswer,
  Called,
  ClientRequest,
  InitiatorLimits,
  InitiatorOptions,
  LegResult,
  Operation,
  Warrant,
} from './messages.js';

/** How often a leg is sent to a participant that cannot be reached. */
const maxAttempts = 4;
const unreachableReason: AbortCause = 'ParticipantUnreachable';

interface LegState {
  attempts: number;
  answer?: CallAnswer;
}

/** What an answer to a leg means for the transaction. */
export type LegVerdict =
  | { readonly kind: 'wait' }
  /** Send the leg again, for the `attempts + 1`st time. */
  | { readonly kind: 'retry'; readonly attempts: number }
  /** No leg is unanswered. */
  | { readonly kind: 'all-answered' }
  | { readonly kind: 'refused' };

/** What a leg asks for, and what shows that its client wants it. */
interface Sent<Call extends Called> {
  readonly call: Call;
  readonly warrant: Warrant;
}

interface Leg<Call extends Called> {
  readonly participant: ParticipantId;
  readonly state: LegState;
  /** Until it is answered: a client's message may have 64 KiB. */
  sent: Sent<Call> | undefined;
}

/** The legs of one transaction that have been called, and where each stands. */
export class Legs<Call extends Called> {
  readonly #legs: Leg<Call>[] = [];

  /** Returns the numbers of the new legs. */
  add(calls: readonly Call[], warrant: Warrant): number[] {
    const first = this.#legs.length;
    for (const call of calls) {
      const { participant } = call;
      this.#legs.push({ participant, state: { attempts: 0 }, sent: { call, warrant } });
    }
    return calls.map((_, index) => first + index);
  }

  get count(): number {
    return this.#legs.length;
  }

  /** The participants that were called, each as often as it was. */
  get called(): readonly ParticipantId[] {
    return this.#legs.map(({ participant }) => participant);
  }

  /** Whether none is unanswered, and none refused. */
  get areDone(): boolean {
    return this.#legs.every(({ state }) => state.answer?.kind === 'done');
  }

  /** Counts an attempt, and returns what to send; undefined where the leg needs none. */
  attempt(leg: number): Sent<Call> | undefined {
    const found = this.#legs[leg];
    if (found?.sent === undefined) return undefined;
    found.state.attempts += 1;
    return found.sent;
  }

  answered(leg: number, result: LegResult): LegVerdict {
    const found = this.#legs[leg];
    if (found === undefined || found.state.answer !== undefined) return { kind: 'wait' };
    const verdict = this.#judge(found.state, result);
    if (found.state.answer !== undefined) found.sent = undefined;
    return verdict;
  }

  #judge(state: LegState, result: LegResult): LegVerdict {
    switch (result.kind) {
      case 'done':
        state.answer = result;
        return this.#verdict();
      case 'refused':
        state.answer = result;
        return { kind: 'refused' };
      case 'unreachable': {
        const { attempts } = state;
        if (attempts < maxAttempts) return { kind: 'retry', attempts };
        state.answer = { kind: 'refused', reason: unreachableReason };
        return { kind: 'refused' };
      }
      default:
        return unreachable(result);
    }
  }

  /** The answer to a leg, if it has come. */
  answerTo(leg: number): CallAnswer | undefined {
    return this.#legs[leg]?.state.answer;
  }

  /** The answers to all legs, in their order; undefined while one is missing. */
  get answers(): readonly CallAnswer[] | undefined {
    const answers = this.#legs.flatMap(({ state }) => state.answer ?? []);
    return answers.length === this.#legs.length ? answers : undefined;
  }

  /** The reason of the first refused leg, in the operation's own order. */
  get refusal(): string | undefined {
    for (const { state, participant } of this.#legs) {
      if (state.answer?.kind !== 'refused') continue;
      const { reason } = state.answer;
      return reason === unreachableReason ? `${reason}: ${participant}` : reason;
    }
    return undefined;
  }

  /** The participant of the first leg without an answer, in the operation's own order. */
  get awaited(): ParticipantId | undefined {
    return this.#legs.find(({ state }) => state.answer === undefined)?.participant;
  }

  #verdict(): LegVerdict {
    return { kind: this.answers === undefined ? 'wait' : 'all-answered' };
  }
}

/**
 * Counts what different replicas say. Of each its last answer counts, so that a replica that says
 * two things counts once.
 */
export class Tally<Word> {
  readonly #words = new Map<ReplicaId, Word>();
  readonly #needed: number;

  /** `needed`: how many must agree; `f + 1`, so that a correct replica is among them. */
  constructor(needed: number) {
    this.#needed = needed;
  }

  /** The answer, if enough replicas have now given it. */
  add(replica: ReplicaId, word: Word): Word | undefined {
    this.#words.set(replica, word);
    const alike = [...this.#words.values()].filter((other) => other === word).length;
    return alike >= this.#needed ? word : undefined;
  }

  hasHeard(replica: ReplicaId): boolean {
    return this.#words.has(replica);
  }
}

type Open = Pick<ClientRequest, 'client' | 'operation'>;

/** What a principal has open. */
interface Load {
  readonly transactions: number;
  readonly legs: number;
}

/**
 * Whether there is room for one more transaction of the client. A client alone may have up to its bound. As
 * soon as others have transactions open, it may have an even part of `sharedLegs`, or one transaction: the
 * work of a transaction is its legs, and the clients that wait behind it are slowed down by no more than that.
 * Front doors and sessions ask for many callers, and share out themselves.
 */
export function hasRoomFor(
  client: ClientId,
  open: readonly Open[],
  limits: InitiatorLimits,
  fronts: ReadonlySet<string>,
): boolean {
  if (open.length >= limits.transactions) return false;
  const principal = clientPrincipal(client);
  const loads = loadsOf(open);
  const own = loads.get(principal);
  if (own === undefined) return true;
  if (own.transactions >= limits.transactionsOfOneClient) return false;
  if (loads.size === 1 || sharesOut(client, fronts)) return true;
  return own.legs < limits.sharedLegs / loads.size;
}

/** Whether it asks for many callers. */
function sharesOut(client: ClientId, fronts: ReadonlySet<string>): boolean {
  const requester = requesterOf(client);
  switch (requester.kind) {
    case 'sessions':
      return true;
    case 'client':
      return fronts.has(requester.principal);
    default:
      return unreachable(requester);
  }
}

function loadsOf(open: readonly Open[]): ReadonlyMap<string, Load> {
  const loads = new Map<string, Load>();
  for (const { client, operation } of open) {
    const principal = clientPrincipal(client);
    const { transactions, legs } = loads.get(principal) ?? { transactions: 0, legs: 0 };
    const more = loadOf(operation);
    loads.set(principal, { transactions: transactions + 1, legs: legs + more });
  }
  return loads;
}

/** How many calls of the operation may be under way at once. A client makes those of a dialogue one after the other. */
function loadOf(operation: Operation): number {
  switch (operation.kind) {
    case 'plan':
      return operation.legs.length;
    case 'procedure':
      return operation.callsMax;
    case 'dialogue':
      return 1;
    default:
      return unreachable(operation);
  }
}

/**
 * The invitations of one transaction. A plan's participants are known from the start, and all that is left is shared
 * out among them. A procedure may call others yet: what it may still call is kept for them.
 */
export class InvitationsOfLegs {
  readonly #options: Pick<InitiatorOptions, 'id' | 'sign'>;
  readonly #operation: Operation;
  readonly #invitations = new Map<string, Signed<InvitationStatement>>();

  constructor(options: Pick<InitiatorOptions, 'id' | 'sign'>, operation: Operation) {
    this.#options = options;
    this.#operation = operation;
  }

  /** `called`: who has been called so far, as often as it was. */
  of(
    tid: TransactionId,
    participant: ParticipantId,
    called: readonly ParticipantId[],
  ): Signed<InvitationStatement> {
    const { id, sign } = this.#options;
    const places = this.#placesOf(participant, called);
    const key = `${participant} ${places}`;
    const invitation =
      this.#invitations.get(key) ??
      sign<InvitationStatement>({
        kind: 'invitation',
        tid,
        participant,
        places,
        inviter: { role: 'initiator', id },
        invitations: [],
      });
    this.#invitations.set(key, invitation);
    return invitation;
  }

  #placesOf(participant: ParticipantId, called: readonly ParticipantId[]): number {
    const operation = this.#operation;
    return operation.kind === 'plan'
      ? placesOf(participant, called)
      : placesSoFar(participant, called, operation.callsMax);
  }
}
