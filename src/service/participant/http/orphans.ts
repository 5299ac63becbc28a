import type { Logger } from '../../../kernel/http/logger.js';
import { belongsTo, type ParticipantId } from '../../../kernel/ids.js';
import { type EnlistmentRef, refKey } from '../../../transaction/participant/messages.js';
import type { ServiceCalls } from './service-calls.js';

/**
 * What a service holds that its participant has no open enlistment of: from a run that was killed, or from a try that
 * the service received after its cancel.
 */
export class Orphans {
  readonly #calls: ServiceCalls;
  readonly #participant: ParticipantId;
  readonly #log: Logger | undefined;
  readonly #open = new Set<string>();
  /** Open at any time since the service was asked last. */
  #openMeanwhile = new Set<string>();

  constructor(calls: ServiceCalls, participant: ParticipantId, log: Logger | undefined) {
    this.#calls = calls;
    this.#participant = participant;
    this.#log = log;
  }

  /** Called before the service can have received anything of it. */
  opened(ref: EnlistmentRef): void {
    this.#open.add(refKey(ref));
    this.#openMeanwhile.add(refKey(ref));
  }

  /** Called once the service has confirmed or cancelled it. */
  ended(ref: EnlistmentRef): void {
    this.#open.delete(refKey(ref));
  }

  isOpen(ref: EnlistmentRef): boolean {
    return this.#open.has(refKey(ref));
  }

  /** Cancels all that the service names, and gives their keys. Rejects with `HttpServiceError`. */
  async cancel(): Promise<readonly string[]> {
    // What was open at some time while the service was asked is none, whatever it answers.
    this.#openMeanwhile = new Set(this.#open);
    const held = await this.#calls.held();
    const open = this.#openMeanwhile;
    const orphans = held.filter(
      (ref) => belongsTo(ref.enlistment, this.#participant) && !open.has(refKey(ref)),
    );
    await Promise.all(orphans.map((ref) => this.#calls.cancel(ref)));
    if (orphans.length > 0) this.#log?.warn({ orphans: orphans.length }, 'orphans-cancelled');
    return orphans.map(refKey);
  }
}
