import type { OrderingOptions } from '../../src/ordering/core/engine.js';
import { type Choices, type Exploration, explore } from './choices.js';
import { SharedWork } from './shared-work.js';
import { type Deviation, deviations, ExploredWorld, type Scenario } from './world.js';

/** A run ends long before, unless replicas go round in circles. */
const stepsMax = 5000;

export const liarKinds = ['none', 'silent', 'twins'] as const;
export type LiarKind = (typeof liarKinds)[number];

export interface Exploring {
  readonly engine: Scenario['engine'];
  readonly liar: LiarKind;
  /** Deviations in one run at the most. */
  readonly budget: number;
  readonly deviations?: readonly Deviation[];
  /** Told after each run. */
  readonly onRun?: () => void;
}

/**
 * Four replicas, of which one lies, and a request at each of three: all runs with at most `budget` deviations from the
 * usual one, for each replica that may be the liar. Throws `Broken` where one breaks a rule.
 */
export function exploreEngine(exploring: Exploring): Exploration {
  const shared = new SharedWork();
  let [runs, cut] = [0, 0];
  for (const replica of exploring.liar === 'none' ? [0] : [0, 1]) {
    const scenario = scenarioOf(exploring, replica);
    const one = explore(exploring.budget, (choices: Choices) => {
      exploring.onRun?.();
      new ExploredWorld(shared, scenario, choices).run(stepsMax);
    });
    runs += one.runs;
    cut += one.cut;
  }
  return { runs, cut };
}

/** The first primary is replica 0; the second view's is replica 1. */
function scenarioOf({ engine, liar, deviations: which }: Exploring, replica: number): Scenario {
  const options: Partial<OrderingOptions> = { checkpointInterval: 2, batchRequestsMax: 1 };
  return {
    engine,
    options,
    deviations: which ?? deviations,
    liar: liar === 'none' ? undefined : { replica, kind: liar },
    submitted: [
      { replica: 1, client: 'a' },
      { replica: 0, client: 'b' },
      { replica: 2, client: 'c' },
    ],
  };
}
