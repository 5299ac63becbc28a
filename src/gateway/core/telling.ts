import { type CommonOutput, resendDelayMs } from '../../kernel/core.js';
import type { GatewayOptions } from './messages.js';
import type { Outputs } from './plain-participant.js';
import type { ActivityRecord } from './records.js';

/**
 * How the client that completes an activity is sent the outcome: once all participants have answered, or the time for
 * that is over, and again until it has taken it. It does not ask again.
 */
export class Telling {
  readonly #options: GatewayOptions;
  #tellings = 0;
  #isLate = false;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /** So long the participants have to answer. */
  limit({ key }: ActivityRecord): CommonOutput {
    const { tellAfterMs } = this.#options.timing;
    return { kind: 'start-timer', name: `tell/${key}`, delayMs: tellAfterMs };
  }

  /** The client has asked again. */
  again(): void {
    this.#tellings = 0;
  }

  /** The time for answers is over. */
  late(): void {
    this.#isLate = true;
  }

  /** Nothing where the client has to wait, or is being told. */
  first(record: ActivityRecord, haveAnswered: boolean): Outputs {
    const mayTell = haveAnswered || this.#isLate;
    return mayTell && this.#tellings === 0 ? this.tell(record) : [];
  }

  tell({ key, client, outcome, askedBy }: ActivityRecord): Outputs {
    if (client === undefined || outcome === undefined) return [];
    this.#tellings += 1;
    return [{ kind: 'tell', activity: key, to: client, outcome, relatesTo: askedBy }];
  }

  /** Undefined where it is given up. */
  retry({ key }: ActivityRecord): CommonOutput | undefined {
    const { limits, timing } = this.#options;
    if (this.#tellings > limits.repetitions) return undefined;
    const delayMs = resendDelayMs(timing.resendAfterMs, this.#tellings - 1);
    return { kind: 'start-timer', name: `deliver/${key}`, delayMs };
  }
}
