/** Ends a run whose rest is known from another one. */
export class KnownRest extends Error {}

/** The choices of one run. The first option of each is what usually happens; any other one costs one of the budget. */
export interface Choices {
  /** How many deviations this run may still make. */
  readonly remaining: number;
  /** Which of so many options. `state` tells this state from others; throws `KnownRest` where its rest is known. */
  choose(options: number, state: () => string): number;
}

export interface Exploration {
  readonly runs: number;
  /** Runs that were left where another one had come before. */
  readonly cut: number;
}

/**
 * Runs with every sequence of choices that has at most `budget` deviations (delay bounding: Emmi, Qadeer and
 * Rakamarić, POPL 2011). A state that was seen with as much of the budget left is not run from again.
 */
export function explore(budget: number, run: (choices: Choices) => void): Exploration {
  const seen = new Map<string, number>();
  const waiting: Prefix[] = [{ taken: [], deviations: 0 }];
  let runs = 0;
  let cut = 0;
  for (let prefix = waiting.pop(); prefix !== undefined; prefix = waiting.pop()) {
    const attempt = new Attempt(prefix, budget, seen);
    runs += 1;
    try {
      run(attempt);
    } catch (error) {
      if (!(error instanceof KnownRest)) throw error;
      cut += 1;
    }
    waiting.push(...attempt.others());
  }
  return { runs, cut };
}

interface Prefix {
  readonly taken: readonly number[];
  readonly deviations: number;
}

class Attempt implements Choices {
  readonly #prefix: Prefix;
  readonly #seen: Map<string, number>;
  readonly remaining: number;
  /** How many options there were at each choice behind the prefix. */
  readonly #offered: number[] = [];
  #made = 0;

  constructor(prefix: Prefix, budget: number, seen: Map<string, number>) {
    this.#prefix = prefix;
    this.#seen = seen;
    this.remaining = budget - prefix.deviations;
  }

  choose(options: number, state: () => string): number {
    const { taken } = this.#prefix;
    const at = this.#made;
    this.#made += 1;
    const known = taken[at];
    if (known !== undefined) return known;
    const name = state();
    if ((this.#seen.get(name) ?? -1) >= this.remaining) throw new KnownRest();
    this.#seen.set(name, this.remaining);
    this.#offered.push(options);
    return 0;
  }

  /** What this run might have done otherwise behind its prefix, once. */
  *others(): Generator<Prefix> {
    if (this.remaining === 0) return;
    const { taken, deviations } = this.#prefix;
    for (const [behind, options] of this.#offered.entries()) {
      const usual = new Array<number>(behind).fill(0);
      for (let option = 1; option < options; option += 1) {
        yield { taken: [...taken, ...usual, option], deviations: deviations + 1 };
      }
    }
  }
}
