/** Synced writes with group commit: while one is under way, what comes gathers for the next. */
export class Disk {
  readonly #syncMs: number;
  /** When the write under way is done, and the one after it, where something waits for that. */
  #currentMs = 0;
  #nextMs = 0;

  constructor(syncMs: number) {
    this.#syncMs = syncMs;
  }

  /** When something handed in now is on disk. */
  write(nowMs: number): number {
    if (nowMs >= this.#nextMs) {
      this.#currentMs = nowMs + this.#syncMs;
      this.#nextMs = this.#currentMs;
      return this.#currentMs;
    }
    if (nowMs >= this.#currentMs) this.#currentMs = this.#nextMs;
    if (this.#nextMs === this.#currentMs) this.#nextMs = this.#currentMs + this.#syncMs;
    return this.#nextMs;
  }
}
