import type { AgreementTimer } from './timers.js';

/** Things that are said of slots in one delay; what comes beyond is left out until the delay is over. */
const SAID_MAX = 8192;

export interface PaceOptions {
  /** Not longer than what is answered takes to be said again by a correct replica. */
  readonly delayMs: number;
  readonly startTimer: (timer: AgreementTimer, delayMs: number) => void;
}

/**
 * What a replica says because of a message that comes again is said once in a retransmission delay, however many
 * copies come. Otherwise a liar's small message, sent a thousand times, has each of the others send all that it
 * knows of the slot to all a thousand times. Nothing is lost by it: a correct replica asks again later.
 */
export class Pace {
  readonly #options: PaceOptions;
  readonly #said = new Set<string>();

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Whether it may be said now; if so, not again in this delay. */
  allows(what: string): boolean {
    if (this.#said.has(what) || this.#said.size >= SAID_MAX) return false;
    if (this.#said.size === 0) this.#options.startTimer({ kind: 'pace' }, this.#options.delayMs);
    this.#said.add(what);
    return true;
  }

  has(what: string): boolean {
    return this.#said.has(what);
  }

  /** The delay is over. */
  onTimer(): void {
    this.#said.clear();
  }
}
