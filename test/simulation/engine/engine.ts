import { hashText } from './random.js';
import { VirtualTime } from './virtual-time.js';

export interface RunLimits {
  readonly untilMs: number;
  /** Events of the whole run. */
  readonly stepsMax: number;
  /** Looked at every hundred events. */
  readonly done?: () => boolean;
}

/** Virtual time: one queue of events, run one after the other. Nothing else in a run has a clock. */
export class Engine {
  readonly #time = new VirtualTime();
  #steps = 0;
  #fingerprint = 0;

  get nowMs(): number {
    return this.#time.nowMs;
  }

  /** Events run so far. */
  get steps(): number {
    return this.#steps;
  }

  /** A hash of all that `note` was told: the same for two runs that went the same way. */
  get fingerprint(): number {
    return this.#fingerprint;
  }

  after(delayMs: number, run: () => void): void {
    this.#time.after(delayMs, run);
  }

  note(what: string): void {
    this.#fingerprint = hashText(what, this.#fingerprint);
  }

  /** Runs events until a limit is reached; true where that was `done`, or nothing is left to do. */
  run({ untilMs, stepsMax, done = () => false }: RunLimits): boolean {
    while (this.#steps < stepsMax) {
      if (this.#steps % 100 === 0 && done()) return true;
      if (!this.#time.step(untilMs)) {
        this.#time.advanceTo(untilMs);
        return done();
      }
      this.#steps += 1;
    }
    return done();
  }
}
