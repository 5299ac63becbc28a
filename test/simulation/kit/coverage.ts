/** How often each thing happened, in one run or in many. */
export class Coverage {
  readonly #counts = new Map<string, number>();
  readonly #runs = new Map<string, number>();

  count(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  atLeast(what: string, value: number): void {
    this.#counts.set(what, Math.max(this.#counts.get(what) ?? 0, value));
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** Adds what another run covered. */
  addRun(entries: Coverage['entries']): void {
    for (const [what, times] of entries) {
      if (isPeak(what)) this.atLeast(what, times);
      else this.count(what, times);
      if (times > 0) this.#runs.set(what, this.runsWith(what) + 1);
    }
  }

  /** In how many of the runs that were added it happened. */
  runsWith(what: string): number {
    return this.#runs.get(what) ?? 0;
  }

  get entries(): readonly (readonly [string, number])[] {
    return [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** Figures of which the highest of all runs counts, not the sum. */
function isPeak(what: string): boolean {
  return what.startsWith('highest') || what.startsWith('longest');
}
