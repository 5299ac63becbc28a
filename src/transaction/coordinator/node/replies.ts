import { type SoapFault, soapFaults } from '../../../soap/faults.js';
import type { CoordinatorOutput, ReplyId } from '../core/messages.js';

export type PortAnswer = Extract<CoordinatorOutput, { kind: 'activated' | 'registered' }>;

interface Pending {
  resolve(answer: PortAnswer): void;
  reject(fault: SoapFault): void;
  readonly timer: NodeJS.Timeout;
}

/** SOAP requests that wait for the core's answer, each for a bounded time. */
export class PendingReplies {
  readonly #pending = new Map<ReplyId, Pending>();
  readonly #timeoutMs: number;
  #last = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Submits with a new reply id and waits. Throws `SoapFault` where it is refused or takes too long. */
  wait(submit: (replyId: ReplyId) => boolean): Promise<PortAnswer> {
    this.#last += 1;
    const replyId = String(this.#last);
    return new Promise((resolve, reject) => {
      const late = () =>
        this.fail(replyId, soapFaults.receiver('No agreement in time; try again.'));
      const timer = setTimeout(late, this.#timeoutMs);
      this.#pending.set(replyId, { resolve, reject, timer });
      if (!submit(replyId)) this.fail(replyId, soapFaults.receiver('The service is busy.'));
    });
  }

  answer(answer: PortAnswer): void {
    this.#take(answer.replyId)?.resolve(answer);
  }

  fail(replyId: ReplyId, fault: SoapFault): void {
    this.#take(replyId)?.reject(fault);
  }

  failAll(): void {
    for (const replyId of [...this.#pending.keys()]) {
      this.fail(replyId, soapFaults.receiver('The service is stopping.'));
    }
  }

  #take(replyId: ReplyId): Pending | undefined {
    const pending = this.#pending.get(replyId);
    this.#pending.delete(replyId);
    clearTimeout(pending?.timer);
    return pending;
  }
}
