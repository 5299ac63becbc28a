export type Verdict =
  | { readonly kind: 'wait' }
  | { readonly kind: 'leave'; readonly reason: string }
  | { readonly kind: 'give-up' };

export interface PatienceOptions {
  /** An operation that the home was handed has a status after so long. */
  readonly answerAfterMs: number;
  /** The first operation that is not final is final after so long, at one home. */
  readonly finalAfterMs: number;
  /** There was no news from any coordinator for so long. */
  readonly giveUpAfterMs: number;
}

const pauseMs = 100;
export const pauseMaxMs = 2000;

/** How long a client waits after so many failures in a row, with so many homes to go to. */
export function pauseAfter(failures: number, homes: number): number {
  const round = Math.floor(failures / homes);
  return round === 0 ? 0 : Math.min(pauseMs * 2 ** round, pauseMaxMs);
}

/**
 * How long a client waits for its home. Only what was checked counts as progress: whatever a home says, and
 * however slowly or often it says it, it is left in time.
 */
export class Patience {
  readonly #options: PatienceOptions;
  #homeMs: number;
  #newsMs: number;
  #finalMs: number;

  constructor(options: PatienceOptions, nowMs: number) {
    this.#options = options;
    this.#homeMs = nowMs;
    this.#newsMs = nowMs;
    this.#finalMs = nowMs;
  }

  /** How often it is worth looking. */
  get lookAfterMs(): number {
    const { answerAfterMs, finalAfterMs, giveUpAfterMs } = this.#options;
    return Math.max(10, Math.min(answerAfterMs, finalAfterMs, giveUpAfterMs) / 4);
  }

  /** There was nothing to wait for before. */
  begin(nowMs: number): void {
    this.#homeMs = nowMs;
    this.#newsMs = nowMs;
    this.#finalMs = nowMs;
  }

  homeChanged(nowMs: number): void {
    this.#homeMs = nowMs;
  }

  /** A status that was checked said more than was known, or a coordinator answers and all have a status. */
  news(nowMs: number): void {
    this.#newsMs = nowMs;
  }

  /** The first operation that was not final is. */
  advanced(nowMs: number): void {
    this.#finalMs = nowMs;
  }

  /** While some operation is not final. `isUnanswered`: one of them has no status yet that was checked. */
  verdict(nowMs: number, isUnanswered: boolean): Verdict {
    const { answerAfterMs, finalAfterMs, giveUpAfterMs } = this.#options;
    if (nowMs - this.#newsMs >= giveUpAfterMs) return { kind: 'give-up' };
    if (isUnanswered && nowMs - Math.max(this.#homeMs, this.#newsMs) >= answerAfterMs) {
      return { kind: 'leave', reason: `it shows no promise after ${answerAfterMs} ms` };
    }
    if (nowMs - Math.max(this.#homeMs, this.#finalMs) >= finalAfterMs) {
      return { kind: 'leave', reason: `what it has is not final after ${finalAfterMs} ms` };
    }
    return { kind: 'wait' };
  }
}
