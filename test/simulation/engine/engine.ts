import { EventQueue } from './event-queue.js';
import { hashText } from './random.js';

export interface RunLimits {
  readonly untilMs: number;
  /** Events of the whole run. */
  readonly stepsMax: number;
  /** Looked at every hundred events. */
  readonly done?: () => boolean;
}

/** Virtual time: one queue of events, run one after the other. Nothing else in a run has a clock. */
export class Engine {
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #steps = 0;
  #made = 0;
  #fingerprint = 0;

  get nowMs(): number {
    return this.#nowMs;
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
    this.#made += 1;
    this.#queue.push({ atMs: this.#nowMs + Math.max(0, delayMs), order: this.#made, run });
  }

  note(what: string): void {
    this.#fingerprint = hashText(what, this.#fingerprint);
  }

  /** Runs events until a limit is reached; true where that was `done`, or nothing is left to do. */
  run({ untilMs, stepsMax, done = () => false }: RunLimits): boolean {
    while (this.#steps < stepsMax) {
      if (this.#steps % 100 === 0 && done()) return true;
      const next = this.#queue.peek();
      if (next === undefined || next.atMs > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs);
        return done();
      }
      this.#queue.pop();
      this.#nowMs = next.atMs;
      this.#steps += 1;
      next.run();
    }
    return done();
  }
}
