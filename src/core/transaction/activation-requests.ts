import { activationContent, activationSlotRequest } from '../../crypto/activation-slot.js';
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
