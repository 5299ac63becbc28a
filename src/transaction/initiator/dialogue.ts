import type { CallAnswer, InitiatorOutput, InitiatorRefusalCode, RequestId } from './messages.js';

type Answer = Extract<InitiatorOutput, { kind: 'answer' }>;

/** What a call is answered with whose transaction ends first. */
const ended: CallAnswer = { kind: 'refused', reason: 'Aborted' };

interface Caller {
  readonly text: string;
  waiting: RequestId[];
}

/** Who waits for the answers to the calls of a dialogue, by the calls' numbers. */
export class DialogueCallers {
  readonly #callers = new Map<number, Caller>();
  readonly #waitersMax: number;

  /** `waitersMax` may wait for one call; for one more the first of them is sent away. */
  constructor(waitersMax: number) {
    this.#waitersMax = waitersMax;
  }

  /** Whether the call of this number was made with this text. */
  isSame(number: number, text: string): boolean {
    return this.#callers.get(number)?.text === text;
  }

  add(number: number, text: string, requestId: RequestId): readonly Answer[] {
    const caller = this.#callers.get(number) ?? { text, waiting: [] };
    this.#callers.set(number, caller);
    caller.waiting.push(requestId);
    const surplus = caller.waiting.splice(0, caller.waiting.length - this.#waitersMax);
    return surplus.map((waiter) => refusalOf(waiter, 'outcome-unknown'));
  }

  answered(number: number, answer: CallAnswer | undefined): readonly Answer[] {
    const caller = this.#callers.get(number);
    if (caller === undefined || answer === undefined) return [];
    const { waiting } = caller;
    caller.waiting = [];
    return waiting.map((requestId) => called(requestId, answer));
  }

  /** The transaction has ended: no answer comes any more. */
  dismiss(): readonly Answer[] {
    return [...this.#callers.keys()].flatMap((number) => this.answered(number, ended));
  }
}

export function refusalOf(requestId: RequestId, code: InitiatorRefusalCode): Answer {
  return { kind: 'answer', requestId, reply: { kind: 'refusal', code } };
}

function called(requestId: RequestId, answer: CallAnswer): Answer {
  return { kind: 'answer', requestId, reply: { kind: 'called', answer } };
}
