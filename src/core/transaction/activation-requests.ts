import { activationSlotRequest } from '../../crypto/activation-slot.js';
import type { Digest, InitiatorId } from '../../vocabulary/ids.js';
import { oneCorrect, type Resilience } from '../../vocabulary/quorum.js';
import type { ActivationStatement, Verified } from '../../vocabulary/statements.js';
import type { ReplyId } from './coordinator-messages.js';

/** Requests that one initiator may have open; its oldest gives way. */
const REQUESTS_OF_ONE_INITIATOR_MAX = 2048;
/** Unanswered calls of one initiator for one request; its oldest gives way. */
const REPLIES_OF_ONE_INITIATOR_MAX = 8;

/** What one initiator said of one request. */
interface Asked {
  readonly statement: Verified<ActivationStatement>;
  readonly replies: ReplyId[];
}

/** Activation requests until their slot is decided: accepted once `f + 1` match (Zhao §4.1). */
export class ActivationRequests {
  readonly #pending = new Map<Digest, Map<InitiatorId, Asked>>();
  readonly #byInitiator = new Map<InitiatorId, Set<Digest>>();
  readonly #needed: number;

  constructor(resilience: Resilience) {
    this.#needed = oneCorrect(resilience);
  }

  /** Keeps a request. Returns the slot's request, and the replies that had to give way. */
  add(
    statement: Verified<ActivationStatement>,
    replyId?: ReplyId,
  ): { request: Digest; evicted: readonly ReplyId[] } {
    const { initiator } = statement.statement;
    const request = activationSlotRequest(statement.statement);
    const pending = this.#pending.get(request) ?? new Map<InitiatorId, Asked>();
    this.#pending.set(request, pending);
    const asked = pending.get(initiator) ?? { statement, replies: [] };
    pending.set(initiator, asked);
    if (replyId !== undefined) asked.replies.push(replyId);
    const excess = Math.max(0, asked.replies.length - REPLIES_OF_ONE_INITIATOR_MAX);
    const evicted = [...asked.replies.splice(0, excess), ...this.#limit(initiator, request)];
    return { request, evicted };
  }

  /** The first `f + 1` matching statements, or undefined while there are fewer. */
  matching(request: Digest): readonly Verified<ActivationStatement>[] | undefined {
    const pending = this.#pending.get(request);
    if (!pending || pending.size < this.#needed) return undefined;
    return [...pending.values()]
      .map(({ statement }) => statement)
      .slice(0, this.#needed)
      .sort((a, b) => a.statement.initiator - b.statement.initiator);
  }

  /** Forgets the request and returns the replies that wait for it. */
  take(request: Digest): readonly ReplyId[] {
    const pending = this.#pending.get(request) ?? new Map<InitiatorId, Asked>();
    this.#pending.delete(request);
    for (const initiator of pending.keys()) this.#byInitiator.get(initiator)?.delete(request);
    return [...pending.values()].flatMap(({ replies }) => replies);
  }

  /** What others asked for alike stays. */
  #limit(initiator: InitiatorId, request: Digest): readonly ReplyId[] {
    const open = (this.#byInitiator.get(initiator) ?? new Set<Digest>()).add(request);
    this.#byInitiator.set(initiator, open);
    const [oldest] = open;
    if (open.size <= REQUESTS_OF_ONE_INITIATOR_MAX || oldest === undefined) return [];
    open.delete(oldest);
    const pending = this.#pending.get(oldest);
    const replies = pending?.get(initiator)?.replies ?? [];
    pending?.delete(initiator);
    if (pending?.size === 0) this.#pending.delete(oldest);
    return replies;
  }
}
