import { describe, expect, it } from 'vitest';
import { productionEngines } from '../simulation/ordering/engines.js';
import { explore } from './choices.js';
import { exploreEngine, liarKinds } from './explore.js';
import type { EngineFactory } from './world.js';

/** Thousands of runs, on a machine that may be busy. */
const patienceMs = 600_000;

describe.each(Object.entries(productionEngines))(
  '%s, in every way with one deviation',
  (_, make) => {
    const engine: EngineFactory = (options, machine) =>
      make({ ...options, exclusion: 'S1', timeoutMaxMs: 1000 }, machine);

    it.each(liarKinds)(
      'executes all in one order, with a liar: %s',
      (liar) => {
        // A rule that is broken throws. The command runs the other deviations, too.
        const exploring = {
          engine,
          liar,
          budget: 1,
          deviations: ['late', 'hasty', 'turn'],
        } as const;
        expect(exploreEngine(exploring).runs).toBeGreaterThan(50);
      },
      patienceMs,
    );
  },
);

describe('choices', () => {
  const all = (budget: number, choicesOf: (made: string) => number, state?: () => string) => {
    const made: string[] = [];
    explore(budget, (choices) => {
      let taken = '';
      for (let at = 0; at < 3; at += 1) {
        taken += choices.choose(choicesOf(taken), () => state?.() ?? `${at} ${taken}`);
      }
      made.push(taken);
    });
    return made.sort();
  };

  it('are each made once, within the budget', () => {
    expect(all(0, () => 2)).toEqual(['000']);
    expect(all(1, () => 2)).toEqual(['000', '001', '010', '100']);
    expect(all(2, () => 2)).toEqual(['000', '001', '010', '011', '100', '101', '110']);
    expect(all(3, () => 3)).toHaveLength(27);
  });

  it('are not made again from a state that was seen with as much left', () => {
    // Every way leads to the same state, so only the first is run to its end.
    expect(
      all(
        1,
        () => 2,
        () => 'the same',
      ),
    ).toEqual([]);
  });
});
