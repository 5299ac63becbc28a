import { placesOf } from '../../agreement/invitation.js';
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
  ClientRequest,
  InitiatorLimits,
  InitiatorOptions,
  Leg,
  LegResult,
} from './messages.js';

/** How often a leg is sent to a participant that cannot be reached. */
const maxAttempts = 4;

interface LegState {
  attempts: number;
  result?: Exclude<LegResult, { kind: 'unreachable' }>;
}

/** What an answer to a leg means for the transaction. */
export type LegVerdict =
  | { readonly kind: 'wait' }
  /** Send the leg again, for the `attempts + 1`st time. */
  | { readonly kind: 'retry'; readonly attempts: number }
  | { readonly kind: 'all-done' }
  | { readonly kind: 'refused' };

/** Where each leg of one transaction stands. */
export class Legs {
  readonly #states: readonly LegState[];

  constructor(count: number) {
    this.#states = Array.from({ length: count }, () => ({ attempts: 0 }));
  }

  /** Counts an attempt; false where the leg needs none. */
  attempt(leg: number): boolean {
    const state = this.#states[leg];
    if (state === undefined || state.result !== undefined) return false;
    state.attempts += 1;
    return true;
  }

  answered(leg: number, result: LegResult): LegVerdict {
    const state = this.#states[leg];
    if (state === undefined || state.result !== undefined) return { kind: 'wait' };
    switch (result.kind) {
      case 'done':
        state.result = result;
        return { kind: this.#allDone() ? 'all-done' : 'wait' };
      case 'refused':
        state.result = result;
        return { kind: 'refused' };
      case 'unreachable': {
        const { attempts } = state;
        if (attempts < maxAttempts) return { kind: 'retry', attempts };
        const reason: AbortCause = 'ParticipantUnreachable';
        state.result = { kind: 'refused', reason };
        return { kind: 'refused' };
      }
      default:
        return unreachable(result);
    }
  }

  /** The reason of the first refused leg, in the order's own order. */
  get refusal(): string | undefined {
    for (const { result } of this.#states) {
      if (result?.kind === 'refused') return result.reason;
    }
    return undefined;
  }

  #allDone(): boolean {
    return this.#states.every(({ result }) => result?.kind === 'done');
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
    const more = operation.legs.length;
    loads.set(principal, { transactions: transactions + 1, legs: legs + more });
  }
  return loads;
}

/** The invitations of one transaction: one for each participant, however often it is called. */
export class InvitationsOfLegs {
  readonly #options: Pick<InitiatorOptions, 'id' | 'sign'>;
  readonly #called: readonly ParticipantId[];
  readonly #invitations = new Map<ParticipantId, Signed<InvitationStatement>>();

  constructor(options: Pick<InitiatorOptions, 'id' | 'sign'>, legs: readonly Leg[]) {
    this.#options = options;
    this.#called = legs.map(({ participant }) => participant);
  }

  of(tid: TransactionId, participant: ParticipantId): Signed<InvitationStatement> {
    const { id, sign } = this.#options;
    const invitation =
      this.#invitations.get(participant) ??
      sign<InvitationStatement>({
        kind: 'invitation',
        tid,
        participant,
        places: placesOf(participant, this.#called),
        inviter: { role: 'initiator', id },
        invitations: [],
      });
    this.#invitations.set(participant, invitation);
    return invitation;
  }
}
