const firstDelayMs = 500;
const lastDelayMs = 30_000;
/** A node that ran for so long is well again. */
const wellAfterMs = 60_000;

/** How long to wait before a node that died is started again: longer each time it dies young. */
export class RestartPolicy {
  #deaths = 0;
  #startedMs: number;

  /** Times are milliseconds on any one clock. */
  constructor(nowMs: number) {
    this.#startedMs = nowMs;
  }

  started(nowMs: number): void {
    this.#startedMs = nowMs;
  }

  /** The delay in milliseconds. */
  died(nowMs: number): number {
    if (nowMs - this.#startedMs >= wellAfterMs) this.#deaths = 0;
    const delayMs = Math.min(firstDelayMs * 2 ** this.#deaths, lastDelayMs);
    this.#deaths += 1;
    return delayMs;
  }
}
