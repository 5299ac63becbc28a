import type { CallId } from '../../transaction/participant/messages.js';

/** Calls that the core has and has not answered yet. */
export class WaitingCalls<Answer> {
  readonly #waiting = new Map<CallId, (answer: Answer) => void>();
  readonly #dismissal: Answer;
  #isOver = false;
  #last = 0;

  /** `dismissal` is the answer where none will come any more. */
  constructor(dismissal: Answer) {
    this.#dismissal = dismissal;
  }

  /** Hands `submit` a new id, and waits until that id is answered. `submit` is false: dismissed. */
  wait(submit: (call: CallId) => boolean): Promise<Answer> {
    this.#last += 1;
    const call = this.#last as CallId;
    return new Promise((resolve) => {
      this.#waiting.set(call, resolve);
      if (this.#isOver || !submit(call)) this.answer(call, this.#dismissal);
    });
  }

  answer(call: CallId, answer: Answer): void {
    this.#waiting.get(call)?.(answer);
    this.#waiting.delete(call);
  }

  /** Also what comes later. */
  dismissAll(): void {
    this.#isOver = true;
    for (const call of this.#waiting.keys()) this.answer(call, this.#dismissal);
  }
}
