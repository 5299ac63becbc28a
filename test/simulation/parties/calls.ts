import type { Host } from '../engine/process.js';
import type { Mail } from './mail.js';
import type { Packet, Reply, Request } from './packets.js';

type WithoutCall<R> = R extends Request ? Omit<R, 'call'> : never;

/** Requests of one incarnation that wait for their replies. */
export class Calls {
  readonly #host: Host;
  readonly #mail: Mail;
  readonly #open = new Map<
    number,
    { readonly to: string; settle(reply: Reply | undefined): void }
  >();

  constructor(host: Host, mail: Mail) {
    this.#host = host;
    this.#mail = mail;
  }

  /** `settle` is called once: with the reply, or without one where it failed or took too long. */
  request(
    to: string,
    request: WithoutCall<Request>,
    timeoutMs: number,
    settle: (reply: Reply | undefined) => void,
  ): void {
    const call = this.#mail.nextCall();
    this.#open.set(call, { to, settle });
    this.#host.after(timeoutMs, () => this.#settle(call, undefined));
    this.#mail.send(to, { ...request, call } as Packet, (how) => {
      // A link that breaks is noticed sooner or later; a port that is closed, at once.
      const delayMs = how === 'refused' ? 1 : timeoutMs * this.#mail.random.next() ** 2;
      this.#host.after(delayMs, () => this.#settle(call, undefined));
    });
  }

  /** A reply counts only if it comes from whom was asked. */
  answered(from: string, reply: Reply): void {
    if (this.#open.get(reply.call)?.to === from) this.#settle(reply.call, reply);
  }

  #settle(call: number, reply: Reply | undefined): void {
    const open = this.#open.get(call);
    this.#open.delete(call);
    open?.settle(reply);
  }
}
