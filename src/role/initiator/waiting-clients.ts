import type { RequestId, TransferReply } from '../../core/transaction/initiator-messages.js';

/** Clients whose requests the core has and has not answered yet. */
export class WaitingClients {
  readonly #waiting = new Map<RequestId, (reply: TransferReply) => void>();
  #last = 0;

  /** Hands `submit` a new id, and waits until that id is answered. */
  wait(submit: (requestId: RequestId) => void): Promise<TransferReply> {
    this.#last += 1;
    const requestId = this.#last as RequestId;
    return new Promise((resolve) => {
      this.#waiting.set(requestId, resolve);
      submit(requestId);
    });
  }

  answer(requestId: RequestId, reply: TransferReply): void {
    this.#waiting.get(requestId)?.(reply);
    this.#waiting.delete(requestId);
  }

  /** Answers all that still wait, for when no answer will come any more. */
  dismissAll(): void {
    for (const requestId of this.#waiting.keys()) {
      this.answer(requestId, { kind: 'refusal', code: 'outcome-unknown' });
    }
  }
}
